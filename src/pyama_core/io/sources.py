"""Arrays (NumPy, dask, zarr: a napari layer) as a source of frames."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyama_core.errors import InputError, ReadError
from pyama_core.io.atomic import new_digest
from pyama_core.io.types import ChannelInfo, MicroscopyMetadata
from pyama_core.planes import is_recorded, nothing_recorded


class BaseSource(ABC):
    """A `MicroscopyFile` whose frames come from `_read`; everything else follows."""

    _closed: bool = False

    @property
    @abstractmethod
    def metadata(self) -> MicroscopyMetadata:
        """What the source says of itself."""

    @abstractmethod
    def identity(self) -> str:
        """Digest of the content, not of path or date."""

    @abstractmethod
    def _read(self, fov: int, frame: int, channels: Sequence[int], z: int) -> NDArray[Any]:
        """Read channels of one frame of an open source; the indices are in range."""

    def read_frame(self, fov: int, channel: int, frame: int, z: int = 0) -> NDArray[Any]:
        """Read one plane ``(H, W)``, a copy that outlives the source.

        Raises
        ------
        InputError
            An index is out of range.
        ReadError
            The source is closed or the frame is damaged.
        """
        plane: NDArray[Any] = self.read_channels(fov, frame, [channel], z)[0]
        return plane

    def read_channels(
        self, fov: int, frame: int, channels: Sequence[int], z: int = 0
    ) -> NDArray[Any]:
        """Read channels of one frame at once, ``(len(channels), H, W)``, contiguous copies.

        Planes that are not there read as zeros, in floats as NaN (`pyama_core.planes`).

        Raises
        ------
        InputError
            An index is out of range.
        ReadError
            The source is closed or the frame is damaged.
        """
        self._check_open()
        metadata = self.metadata
        self._check_range("fov", fov, metadata.n_fovs)
        self._check_range("frame", frame, metadata.n_frames)
        self._check_range("z", z, metadata.n_z)
        for channel in channels:
            self._check_range("channel", channel, metadata.n_channels)
        return self._read(fov, frame, channels, z)

    def close(self) -> None:
        """Let go of the source; reading again is an error."""
        self._closed = True

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ReadError(f"{self.metadata.base_name} is closed: open it again to read from it.")

    def _check_range(self, name: str, index: int, size: int) -> None:
        if not 0 <= index < size:
            raise InputError(
                f"{name} {index} is out of range: {self.metadata.base_name} has {size}, "
                f"numbered 0 to {size - 1}."
            )


def sampled(items: Sequence[int]) -> list[int]:
    """Pick the first, the middle and the last, each once."""
    places = sorted({0, len(items) // 2, len(items) - 1} if items else set())
    return [items[place] for place in places]


_AXES: Final = "PTCZYX"
_AXES_BY_NDIM: Final = {2: "YX", 3: "TYX"}
_NOT_IN_FILE_NAMES: Final = re.compile(r'[\\/:*?"<>|]')
_EXACT_DTYPES: Final = ("uint8", "uint16", "float32")


class ArraySource(BaseSource):
    """An array as a source of frames; see `pyama_core.io.types.MicroscopyFile`.

    Parameters
    ----------
    data
        One array, or a list of arrays alike in shape, one per channel. Anything with ``shape``,
        ``dtype`` and NumPy indexing; only the frames asked for are computed. Integers wider than
        16 bits and wider floats are read as float32, booleans as uint8. A plane of such integers
        that holds nothing but zeros was not recorded, and is read as NaN.
    axes
        A letter per axis of an array, in any order: P position, T time, C channel, Z, Y, X; Y and
        X are needed, C only without a list. By default "YX" or "TYX".
    name
        What results are named after; what no file name may hold becomes ``_`` there.
    channels
        Names of the channels, or `ChannelInfo`.
    fov_names
        Names of the positions.
    pixel_size_um, z_step_um
        Scale, where known.
    frame_times_min
        Minutes of each frame, ``(n_frames,)`` or ``(n_fovs, n_frames)``; by default the frame
        index stands for time, with a warning.

    Raises
    ------
    InputError
        Shapes, axes, names and times do not fit each other.
    """

    def __init__(
        self,
        data: Any,
        axes: str | None = None,
        *,
        name: str = "array",
        channels: Sequence[ChannelInfo | str] = (),
        fov_names: Sequence[str] = (),
        pixel_size_um: float | None = None,
        z_step_um: float | None = None,
        frame_times_min: ArrayLike | None = None,
    ) -> None:
        self._by_channel = isinstance(data, list | tuple)
        self._arrays: tuple[Any, ...] = tuple(data) if self._by_channel else (data,)
        self._axes = _checked_axes(self._arrays, axes, self._by_channel)
        sizes = dict(zip(self._axes, self._arrays[0].shape, strict=True))
        n_fovs, n_frames = sizes.get("P", 1), sizes.get("T", 1)
        n_channels = len(self._arrays) if self._by_channel else sizes.get("C", 1)
        dtype, dtype_warnings = _dtype(self._arrays)
        times = _times(frame_times_min, n_fovs, n_frames)
        self._metadata = MicroscopyMetadata(
            file_path=Path(name),
            base_name=_NOT_IN_FILE_NAMES.sub("_", name),
            n_fovs=n_fovs,
            n_frames=n_frames,
            height=sizes["Y"],
            width=sizes["X"],
            n_channels=n_channels,
            n_z=sizes.get("Z", 1),
            dtype=dtype,
            channels=_named_channels(channels, n_channels),
            fov_names=_named("fov_names", fov_names, "FOV", n_fovs),
            pixel_size_um=pixel_size_um,
            z_step_um=z_step_um,
            frame_times_min=times,
            time_source="frame index" if frame_times_min is None else "given",
            file_type="array",
            warnings=(*dtype_warnings, *_time_warnings(frame_times_min, n_frames)),
        )

    @property
    def metadata(self) -> MicroscopyMetadata:
        """What was said of the array."""
        return self._metadata

    def identity(self) -> str:
        """Digest shape, dtype, times and three sampled frames."""
        metadata = self._metadata
        sizes = (metadata.n_fovs, metadata.n_frames, metadata.n_z)
        digest = new_digest()
        shape = (*sizes, metadata.n_channels, metadata.height, metadata.width)
        digest.update(f"{shape} {metadata.dtype}".encode())
        digest.update(np.asarray(metadata.frame_times_min).tobytes())
        for index in sampled(range(int(np.prod(sizes)))):
            fov, frame, z = (int(i) for i in np.unravel_index(index, sizes))
            digest.update(self.read_channels(fov, frame, range(metadata.n_channels), z).tobytes())
        return digest.hexdigest()

    def close(self) -> None:
        """Let go of the arrays; reading again is an error."""
        super().close()
        self._arrays = ()

    def _read(self, fov: int, frame: int, channels: Sequence[int], z: int) -> NDArray[Any]:
        metadata = self._metadata
        planes = np.empty((len(channels), metadata.height, metadata.width), metadata.dtype)
        for plane, channel in zip(planes, channels, strict=True):
            array = self._arrays[channel if self._by_channel else 0]
            at = {"P": fov, "T": frame, "C": channel, "Z": z}
            stored = np.asarray(array[tuple(at.get(axis, slice(None)) for axis in self._axes)])
            flipped = self._axes.index("X") < self._axes.index("Y")
            plane[...] = stored.T if flipped else stored
            if not is_recorded(stored):
                plane[...] = nothing_recorded(plane.shape, plane.dtype)
        return planes


def _checked_axes(arrays: tuple[Any, ...], axes: str | None, by_channel: bool) -> str:
    shapes = {tuple(array.shape) for array in arrays}
    if len(shapes) != 1:
        raise InputError(f"The channels need arrays of one shape, at least one; got {shapes}.")
    shape = shapes.pop()
    axes = (axes or _AXES_BY_NDIM.get(len(shape), "")).upper()
    allowed = _AXES.replace("C", "") if by_channel else _AXES
    if len(set(axes)) < len(axes) or set(axes) - set(allowed) or not {"Y", "X"} <= set(axes):
        raise InputError(
            f"axes is {axes!r} for an array of shape {shape}: give a letter per axis, Y and X and "
            f"any others of {allowed}, each once, for example {allowed[-len(shape) :]!r}."
        )
    if len(axes) != len(shape) or 0 in shape:
        raise InputError(f"An array of shape {shape} does not fit axes {axes!r}.")
    return axes


def _dtype(arrays: tuple[Any, ...]) -> tuple[str, tuple[str, ...]]:
    given = np.result_type(*(array.dtype for array in arrays))
    if given.name in _EXACT_DTYPES:
        return given.name, ()
    if given.kind == "b":
        return "uint8", ()
    if given.kind not in "iuf":
        raise InputError(f"An array of {given} holds no intensities: give integers or floats.")
    return "float32", (f"The array's {given} values are read as float32.",)


def _times(stated: ArrayLike | None, n_fovs: int, n_frames: int) -> NDArray[np.float64]:
    times = np.asarray(np.arange(n_frames) if stated is None else stated, dtype=np.float64)
    if times.shape not in ((n_frames,), (n_fovs, n_frames)):
        raise InputError(
            f"frame_times_min has shape {times.shape}: give one time per frame, ({n_frames},) or "
            f"({n_fovs}, {n_frames})."
        )
    if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        raise InputError("frame_times_min has to increase from frame to frame.")
    return np.broadcast_to(times, (n_fovs, n_frames)).copy()


def _time_warnings(stated: ArrayLike | None, n_frames: int) -> tuple[str, ...]:
    if stated is not None or n_frames == 1:
        return ()
    return ("No frame times were given: times are frame numbers, not minutes.",)


def _named_channels(
    stated: Sequence[ChannelInfo | str], n_channels: int
) -> tuple[ChannelInfo, ...]:
    given = tuple(ChannelInfo(entry) if isinstance(entry, str) else entry for entry in stated)
    names = _named("channels", [entry.name for entry in given], "Channel", n_channels)
    return given or tuple(ChannelInfo(name) for name in names)


def _named(parameter: str, stated: Sequence[str], noun: str, count: int) -> tuple[str, ...]:
    if stated and len(stated) != count:
        raise InputError(f"{parameter} has {len(stated)} entries: the array has {count}.")
    return tuple(stated) or tuple(f"{noun} {number}" for number in range(count))
