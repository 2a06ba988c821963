"""Arrays that read one frame when it is shown, and nothing before."""

import math
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    import dask.array as da

ReadFrame = Callable[[tuple[int, ...]], NDArray[Any]]
"""Gives the frame ``(H, W)`` at an index of the leading axes, as an array of its own."""


class _Frames:
    """What dask slices: an array whose blocks are frames."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], read: ReadFrame) -> None:
        self.shape, self.dtype, self.ndim = shape, dtype, len(shape)
        self._read = read

    def __getitem__(self, index: tuple[slice | int, ...]) -> NDArray[Any]:
        """Read the one frame that dask asks for; it may have fused its slicing into the index."""
        leading, plane = index[:-2], index[-2:]
        where = tuple(part if isinstance(part, int) else part.start or 0 for part in leading)
        frame = np.asarray(self._read(where), dtype=self.dtype)[plane]
        kept = sum(isinstance(part, slice) for part in leading)
        return frame.reshape((1,) * kept + frame.shape)


def lazy_stack(shape: tuple[int, ...], dtype: DTypeLike, read: ReadFrame) -> "da.Array":
    """Make an array ``(..., H, W)`` whose frames are read one by one when they are needed.

    Parameters
    ----------
    shape
        Of the whole array; the last two axes are the frame's.
    dtype
        Frames of another type are cast to it.
    read
        Called with the index along the leading axes, from any thread.
    """
    from dask.array import from_array

    chunks = (1,) * (len(shape) - 2) + shape[-2:]
    frames = _Frames(shape, np.dtype(dtype), read)
    name = f"frames-{uuid.uuid4().hex}"
    array: da.Array = from_array(  # type: ignore[no-untyped-call]
        frames, chunks=chunks, name=name, asarray=False, meta=np.empty(0, dtype)
    )
    return array


def npy_frame(path: Path | None, frame: int) -> NDArray[Any] | None:
    """Read one frame of an array file and close it; None where there is no such file or frame.

    The file stays free to be replaced: nothing is mapped when this returns.
    """
    if path is None or not path.is_file():
        return None
    with path.open("rb") as file:
        shape, dtype = _npy_header(file)
        if frame >= shape[0]:
            return None
        size = math.prod(shape[1:])
        file.seek(frame * size * dtype.itemsize, 1)
        return np.fromfile(file, dtype, size).reshape(shape[1:])


def npy_form(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and data type of an array file from its header."""
    with path.open("rb") as file:
        return _npy_header(file)


def _npy_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, _, dtype = readers[np.lib.format.read_magic(file)](file)
    return shape, dtype
