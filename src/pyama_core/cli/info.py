"""``pyama info``: what a microscopy file holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import typer

from pyama_core.environment import (
    DEPENDENCIES,
    OPTIONAL_PACKAGES,
    WINDOW_PACKAGES,
    system,
    versions,
)
from pyama_core.io.microscopy import ChannelInfo, MicroscopyMetadata, open_microscopy

_MOST_NAMES: Final = 12
_MINUTES_PER_UNIT: Final = ((60.0, "h"), (1.0, "min"), (1 / 60, "s"), (1 / 60_000, "ms"))


def show_info(path: Path) -> None:
    """Print what a file says of itself, one fact a line."""
    with open_microscopy(path) as source:
        metadata = source.metadata
    for name, value in _facts(metadata):
        typer.echo(f"{name:<11} {value}")
    for warning in metadata.warnings:
        typer.echo(f"Warning: {warning}")


def show_environment() -> None:
    """Print versions and system, one fact a line, for a bug report."""
    packages = (*DEPENDENCIES, *WINDOW_PACKAGES, *OPTIONAL_PACKAGES)
    for name, value in (system() | versions(packages)).items():
        typer.echo(f"{name:<13} {value}")


def _facts(metadata: MicroscopyMetadata) -> Iterator[tuple[str, str]]:
    yield "File", metadata.file_path.name
    yield "Positions", f"{metadata.n_fovs}{_names(metadata.fov_names)}"
    yield "Frames", _frames(metadata)
    yield "Size", f"{metadata.width} x {metadata.height} px, {metadata.dtype}"
    yield "Pixel size", _or_unknown(metadata.pixel_size_um, "um")
    yield "Z", f"{metadata.n_z} plane{_plural(metadata.n_z)}" + _z_step(metadata)
    yield "Time axis", _time_axis(metadata)
    for index, channel in enumerate(metadata.channels):
        yield f"Channel {index}", _channel(channel)


def _frames(metadata: MicroscopyMetadata) -> str:
    held = [metadata.n_frames_held(fov) for fov in range(metadata.n_fovs)]
    least, most = min(held), max(held)
    if least == metadata.n_frames:
        return f"{least}"
    share = f"{most}" if least == most else f"{least} to {most}, by position,"
    return f"{share} held of {metadata.n_frames} listed"


def _names(names: tuple[str, ...]) -> str:
    shown = [name for name in names[:_MOST_NAMES] if name]
    if not shown:
        return ""
    more = f", ... ({len(names)} in all)" if len(names) > _MOST_NAMES else ""
    return f" ({', '.join(shown)}{more})"


def _channel(channel: ChannelInfo) -> str:
    emission = f", emission {channel.emission_nm:g} nm" if channel.emission_nm else ""
    return f"{channel.name}{emission}"


def _time_axis(metadata: MicroscopyMetadata) -> str:
    fov, frames = _most_complete(metadata)
    if len(frames) < 2:
        return "a single frame" if frames else "no frame"
    if metadata.time_source == "frame index":
        return f"not recorded: the frame index 0 to {frames[-1]} stands for time"
    first, last = metadata.times_of(fov)[[frames[0], frames[-1]]]
    interval = (last - first) / (frames[-1] - frames[0])
    return (
        f"{_duration(first)} to {_duration(last)}, every {_duration(interval)} on average, "
        f"from {_source_in_words(metadata)}"
    )


def _most_complete(metadata: MicroscopyMetadata) -> tuple[int, list[int]]:
    """Return the FOV of which the file holds most frames, and these."""
    fov = max(range(metadata.n_fovs), key=metadata.n_frames_held)
    missing = set(metadata.missing_frames.get(fov, ()))
    return fov, [frame for frame in range(metadata.n_frames) if frame not in missing]


def _duration(minutes: float) -> str:
    """Write a time in the largest unit of which it is at least one."""
    if not minutes:
        return "0"
    size, unit = next(
        ((size, unit) for size, unit in _MINUTES_PER_UNIT if minutes >= size),
        _MINUTES_PER_UNIT[-1],
    )
    return f"{minutes / size:.4g} {unit}"


def _source_in_words(metadata: MicroscopyMetadata) -> str:
    if metadata.time_source == "frames":
        return "the frames' own times"
    return f"the {metadata.time_source} of the time loop"


def _z_step(metadata: MicroscopyMetadata) -> str:
    return f", {metadata.z_step_um:g} um apart" if metadata.z_step_um else ""


def _or_unknown(value: float | None, unit: str) -> str:
    return "not recorded" if value is None else f"{value:.4g} {unit}"


def _plural(n: int) -> str:
    return "" if n == 1 else "s"
