"""Arrays that read one frame when it is shown, and nothing before."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import psutil
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    import dask.array as da

ReadFrame = Callable[[tuple[int, ...]], NDArray[Any]]
"""Gives the frame ``(H, W)`` at an index of the leading axes, as an array of its own."""


class LazyStack(NDArrayOperatorsMixin):
    """An array ``(..., H, W)`` whose frames are read one by one when they are needed.

    An index that stays within one frame reads it and gives a NumPy array; whatever spans several,
    and what is computed from them, is a dask array. Showing a frame costs as much with a million
    others as with none, which it would not if napari indexed a dask array: that handles a list of
    all chunks.

    Parameters
    ----------
    shape
        Of the whole array; the last two axes are the frame's.
    dtype
        Frames of another type are cast to it.
    read
        Called with the index along the leading axes, from any thread.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, read: ReadFrame) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.ndim, self.size = len(shape), math.prod(shape)
        self.chunks = (1,) * (len(shape) - 2) + shape[-2:]
        """The shape of what is read at once."""
        self._read = read

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"LazyStack(shape={self.shape}, dtype={self.dtype})"

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        if not all(map(is_basic, parts)):
            return self.to_dask()[index]
        parts = one_per_axis(parts, self.ndim)
        chosen = [np.arange(n)[part] for n, part in zip(self.shape, parts, strict=True)]
        if math.prod(shape_of(chosen[:-2])) > 1:
            return self._part(chosen[:-2]).to_dask()[(..., *parts[-2:])]
        return self._read_chosen(chosen, parts[-2:])

    def _part(self, chosen: Sequence[NDArray[np.intp]]) -> "LazyStack":
        """Return the stack of some of the frames."""

        def read(where: tuple[int, ...]) -> NDArray[Any]:
            left = iter(where)
            return self._read(tuple(int(c[next(left)] if c.ndim else c) for c in chosen))

        return LazyStack(shape_of(chosen) + self.shape[-2:], self.dtype, read)

    def _read_chosen(
        self, chosen: Sequence[NDArray[np.intp]], plane: tuple[Any, ...]
    ) -> NDArray[Any]:
        """Read what is chosen along each axis; `plane` chooses the same within a frame."""
        stack = np.empty(shape_of(chosen), self.dtype)
        wanted = list(product(*(np.atleast_1d(where).tolist() for where in chosen[:-2])))
        frames = stack.reshape(len(wanted), *shape_of(chosen[-2:]))
        for at, where in enumerate(wanted):
            frames[at] = self._read(where)[plane]
        return stack

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "The frames of this layer are read from files and cannot be changed: "
            "copy them first, for instance with numpy.asarray(layer.data)."
        )

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self._read_chosen([np.arange(n) for n in self.shape], ())
        return whole.astype(dtype or self.dtype, copy=False)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return getattr(function, method)(*map(_as_dask, inputs), **kwargs)

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        return function(*map(_as_dask, args), **{name: _as_dask(v) for name, v in kwargs.items()})

    def __getattr__(self, name: str) -> Any:
        """Return what else a NumPy array has, such as `max` or `T`, of the dask array."""
        if name.startswith("_") or not (hasattr(np.ndarray, name) or name == "compute"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.to_dask(), name)

    def __deepcopy__(self, memo: Any) -> Any:
        """Read all frames into an array of its own: napari copies what it duplicates."""
        n_bytes, free = self.size * self.dtype.itemsize, psutil.virtual_memory().available
        if n_bytes > free:
            raise MemoryError(
                f"A copy of this layer would take {n_bytes / 1e9:.1f} GB of memory, and "
                f"{free / 1e9:.1f} GB are free: copy single frames, such as layer.data[0, 5]."
            )
        return np.asarray(self)

    def to_dask(self) -> "da.Array":
        """Return a dask array of the same frames, for computing with all of them."""
        from dask.array import from_array

        array: da.Array = from_array(  # type: ignore[no-untyped-call]
            _Sliceable(self), self.chunks, name=False, asarray=False, meta=np.empty(0, self.dtype)
        )
        return array


class _Sliceable:
    """A stack as dask is to see it: it has its own idea of everything else that an array has."""

    def __init__(self, stack: LazyStack) -> None:
        self.shape, self.dtype, self.ndim = stack.shape, stack.dtype, stack.ndim
        self._stack = stack

    def __getitem__(self, index: Any) -> Any:
        return self._stack[index]


def is_basic(part: Any) -> bool:
    """Whether it is a number, a slice or an ellipsis; for NumPy, truth values are no numbers."""
    numbers = (int, np.integer, slice)
    return part is Ellipsis or (isinstance(part, numbers) and not isinstance(part, bool))


def one_per_axis(parts: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """Spell an index out, one part per axis."""
    at = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    before, after = parts[:at], parts[at + 1 :]
    if len(before) + len(after) > ndim or Ellipsis in after:
        raise IndexError(f"{parts} has too many parts for {ndim} axes.")
    return (*before, *[slice(None)] * (ndim - len(before) - len(after)), *after)


def shape_of(chosen: Sequence[NDArray[np.intp]]) -> tuple[int, ...]:
    """Return the shape of what is chosen along each axis; a single number takes its axis out."""
    return tuple(n for where in chosen for n in where.shape)


def _as_dask(argument: Any) -> Any:
    """Put dask arrays in the place of lazy stacks, in lists of them too."""
    if isinstance(argument, LazyStack):
        return argument.to_dask()
    if isinstance(argument, (list, tuple)):
        return type(argument)(map(_as_dask, argument))
    return argument


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
