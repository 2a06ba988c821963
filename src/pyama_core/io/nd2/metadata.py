"""What the nd2 library reads of an ND2 file's metadata, in this project's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyama_core.fov_ranges import list_frames
from pyama_core.io.nd2.loops import TIME
from pyama_core.io.nd2.picture import checked_um, fov_names, invalid_warning, named, read_picture
from pyama_core.io.nd2.timing import TimePlan, choose_frame_times
from pyama_core.io.types import MicroscopyMetadata

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import nd2
    from numpy.typing import NDArray

    from pyama_core.io.nd2.description import Nd2Description
    from pyama_core.io.nd2.loops import Loops


def build_metadata(
    path: Path,
    file: nd2.ND2File,
    description: Nd2Description,
    loops: Loops,
    held: NDArray[np.bool_],
    own_ms: NDArray[np.float64],
) -> MicroscopyMetadata:
    """Put together what the file says of itself.

    Parameters
    ----------
    held
        Which sequence indices the file holds.
    own_ms
        ``(n_fovs, n_frames)`` the frames' own times, NaN where unknown.
    """
    sequence = loops.sequence()
    whole: NDArray[np.bool_] = np.all(held[sequence], axis=2)
    times = choose_frame_times(own_ms, whole, _time_plan(file.experiment, whole.shape[1]))
    # Of a z stack that was cut short, the planes that there are can be used.
    missing = _missing_frames(np.any(held[sequence], axis=2))
    height, width, n_channels = description.shape
    picture = read_picture(file)
    z_step_um, z_warnings = _z_step(file.experiment)
    return MicroscopyMetadata(
        file_path=path,
        base_name=path.stem,
        n_fovs=sequence.shape[0],
        n_frames=sequence.shape[1],
        height=height,
        width=width,
        n_channels=n_channels,
        n_z=sequence.shape[2],
        dtype=description.dtype,
        channels=named(picture.channels, n_channels),
        fov_names=fov_names(file.experiment, sequence.shape[0]),
        pixel_size_um=picture.pixel_size_um,
        z_step_um=z_step_um,
        significant_bits=_significant_bits(file),
        frame_times_min=times.minutes,
        time_source=times.source,
        missing_frames=missing,
        file_type="ND2",
        warnings=(
            *loops.warnings,
            *invalid_warning(file),
            *_missing_warning(missing),
            *times.warnings,
            *picture.warnings,
            *z_warnings,
        ),
    )


def _time_plan(experiment: Iterable[Any], n_frames: int) -> TimePlan:
    """Read the periods of the loop over time; unknown where it does not list these frames."""
    for loop in experiment:
        if loop.type in TIME:
            phases = getattr(loop.parameters, "periods", None) or [loop.parameters]
            counts = [getattr(phase, "count", loop.count) for phase in phases]
            if sum(counts) == n_frames:
                return TimePlan(
                    tuple(counts),
                    tuple(float(phase.periodDiff.avg or 0.0) for phase in phases),
                    tuple(float(phase.periodMs or 0.0) for phase in phases),
                )
    return TimePlan((n_frames,))


def _z_step(experiment: Iterable[Any]) -> tuple[float | None, tuple[str, ...]]:
    """Return the distance of planes, whichever way the stage went, and what is wrong with it."""
    for loop in experiment:
        if loop.type == "ZStackLoop" and loop.count > 1:
            stated = loop.parameters.stepUm
            return checked_um(abs(stated), "z step", stated=bool(stated))
    return None, ()


def _significant_bits(file: nd2.ND2File) -> int | None:
    attributes = file.attributes
    stated = attributes.bitsPerComponentSignificant
    if attributes.pixelDataType == "float" or not stated:
        return None
    return min(int(stated), int(attributes.bitsPerComponentInMemory))


def _missing_frames(there: NDArray[np.bool_]) -> dict[int, tuple[int, ...]]:
    absent = {fov: np.flatnonzero(~frames) for fov, frames in enumerate(there)}
    return {fov: tuple(frames.tolist()) for fov, frames in absent.items() if frames.size}


def _missing_warning(missing: dict[int, tuple[int, ...]]) -> tuple[str, ...]:
    if not missing:
        return ()
    count = sum(len(frames) for frames in missing.values())
    return (
        f"Listed by the file but not held by it: {count} of its frames ({list_frames(missing)}); "
        "they are left out, not taken for dark frames.",
    )
