"""What the nd2 library reads of an ND2 file's metadata, in this project's terms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.errors import ReadError
from pyama_core.io.frame_times import TimePlan, choose_frame_times
from pyama_core.io.microscopy import MicroscopyMetadata
from pyama_core.io.nd2_picture import named, read_picture
from pyama_core.io.nd2_positions import fov_names, invalid_warning

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import nd2
    from numpy.typing import NDArray

_LOOPS: Final = {"TimeLoop": "T", "NETimeLoop": "T", "XYPosLoop": "P", "ZStackLoop": "Z"}
_RGB_COMPONENTS: Final = 3
_MAX_FRAMES: Final = 10_000_000
"""Frames a file may list; more than any microscope records, so the list is damaged."""
_FOVS_NAMED: Final = 4
_FRAMES_NAMED: Final = 5
"""How many of those with missing frames a warning names, and of the frames of each."""


@dataclass(frozen=True)
class Nd2Description:
    """How an ND2 file nests its loops and stores its frames.

    Attributes
    ----------
    loops
        (axis, size) of each loop, outermost first; axis is T, P or Z.
    shape
        ``(H, W, C)`` of a stored frame.
    row_bytes
        Length of a stored row, padding included.
    """

    loops: tuple[tuple[str, int], ...]
    shape: tuple[int, int, int]
    dtype: str
    row_bytes: int
    compressed: bool

    def sequence(self) -> NDArray[np.int64]:
        """Sequence index of each frame, ``(n_fovs, n_frames, n_z)``."""
        axes = [axis for axis, _ in self.loops]
        sizes = [size for _, size in self.loops]
        numbers = np.arange(np.prod(sizes, dtype=np.int64)).reshape(sizes)
        present = [axis for axis in "PTZ" if axis in axes]
        ordered = numbers.transpose([axes.index(axis) for axis in present])
        return ordered.reshape([dict(self.loops).get(axis, 1) for axis in "PTZ"])


def describe(file: nd2.ND2File, name: str) -> Nd2Description:
    """Read loops and storage.

    Raises
    ------
    ReadError
        The file holds RGB or lossily compressed frames, or loops this library does not know.
    """
    attributes = file.attributes
    _check_storage(file, name)
    width, n_components = attributes.widthPx or 0, attributes.componentCount
    bytes_per_value = max(1, -(-attributes.bitsPerComponentInMemory // 8))
    kind = "f" if attributes.pixelDataType == "float" else "u"
    shape = (attributes.heightPx, width, n_components)
    loops = _loops(file.experiment, name)
    n_listed = math.prod(size for _, size in loops)
    if min(shape) < 1 or not 1 <= n_listed <= _MAX_FRAMES:
        raise ReadError(
            f"{name} is damaged: it claims {n_listed} frames of {shape} (height, width, channels); "
            "copy it again."
        )
    return Nd2Description(
        loops=loops,
        shape=shape,
        dtype=np.dtype(f"{kind}{bytes_per_value}").name,
        row_bytes=attributes.widthBytes or width * n_components * bytes_per_value,
        compressed=attributes.compressionType == "lossless",
    )


def build_metadata(
    path: Path,
    file: nd2.ND2File,
    description: Nd2Description,
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
    sequence = description.sequence()
    whole: NDArray[np.bool_] = np.all(held[sequence], axis=2)
    times = choose_frame_times(own_ms, whole, _time_plan(file.experiment))
    missing = _missing_frames(whole)
    height, width, n_channels = description.shape
    picture = read_picture(file)
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
        z_step_um=_z_step_um(file.experiment),
        frame_times_min=times.minutes,
        time_source=times.source,
        missing_frames=missing,
        file_type="ND2",
        warnings=(*invalid_warning(file), *_missing_warning(missing), *times.warnings),
    )


def _check_storage(file: nd2.ND2File, name: str) -> None:
    if file.components_per_channel == _RGB_COMPONENTS:
        raise ReadError(
            f"{name} holds RGB color frames, which carry no separate channels to measure; "
            "record or export it with one monochrome channel per fluorophore."
        )
    if file.attributes.compressionType == "lossy":
        raise ReadError(
            f"{name} is lossily compressed, which changes intensities and is not read here; "
            "export it uncompressed or losslessly compressed."
        )


def _loops(experiment: Iterable[Any], name: str) -> tuple[tuple[str, int], ...]:
    loops: dict[str, int] = {}
    for loop in experiment:
        axis = _LOOPS.get(loop.type)
        if loop.count == 1 and axis is None:
            continue
        if axis is None or axis in loops:
            raise ReadError(
                f"{name} has a loop this library does not read ({loop.type} of {loop.count}); "
                "it reads one loop each over time, position and z."
            )
        loops[axis] = loop.count
    return tuple(loops.items())


def _time_plan(experiment: Iterable[Any]) -> TimePlan:
    for loop in experiment:
        if _LOOPS.get(loop.type) == "T":
            phases = getattr(loop.parameters, "periods", None) or [loop.parameters]
            counts = [getattr(phase, "count", loop.count) for phase in phases]
            return TimePlan(
                tuple(counts),
                tuple(float(phase.periodDiff.avg or 0.0) for phase in phases),
                tuple(float(phase.periodMs or 0.0) for phase in phases),
            )
    return TimePlan()


def _z_step_um(experiment: Iterable[Any]) -> float | None:
    for loop in experiment:
        if loop.type == "ZStackLoop" and loop.count > 1:
            return float(loop.parameters.stepUm) or None
    return None


def _missing_frames(whole: NDArray[np.bool_]) -> dict[int, tuple[int, ...]]:
    absent = {fov: np.flatnonzero(~frames) for fov, frames in enumerate(whole)}
    return {fov: tuple(frames.tolist()) for fov, frames in absent.items() if frames.size}


def _missing_warning(missing: dict[int, tuple[int, ...]]) -> tuple[str, ...]:
    if not missing:
        return ()
    where = "; ".join(
        f"FOV {fov}: {_shortened(frames)}" for fov, frames in list(missing.items())[:_FOVS_NAMED]
    )
    more = "; ..." if len(missing) > _FOVS_NAMED else ""
    count = sum(len(frames) for frames in missing.values())
    return (
        f"Listed by the file but not held by it: {count} of its frames ({where}{more}); "
        "they are left out, not taken for dark frames.",
    )


def _shortened(frames: Sequence[int]) -> str:
    shown = ", ".join(str(frame) for frame in frames[:_FRAMES_NAMED])
    n_left = len(frames) - _FRAMES_NAMED
    return f"frame {shown}" + (f" and {n_left} more" if n_left > 0 else "")
