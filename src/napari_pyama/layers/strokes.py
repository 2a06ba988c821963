"""Brush strokes on the frames of an experiment: an array that holds only what is painted."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pyama.layers.lazy import LazyStack, is_basic, one_per_axis, shape_of

Strokes = NDArray[np.uint8]


FrameKey = tuple[int, int]
"""FOV and frame."""


class StrokeStack(LazyStack):
    """Labels ``(P, T, Y, X)`` or ``(P, T, Z, Y, X)`` to paint on; 0 where nothing is painted.

    Memory is taken by frames that are painted on only. What is painted on one plane of a z stack
    is on all: the steps take one plane of each frame.

    Parameters
    ----------
    shape
        Of the experiment.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape, np.uint8, self._read_painted)
        self.frames: dict[FrameKey, Strokes] = {}
        """What is painted, by FOV and frame."""

    def painted(self) -> list[tuple[FrameKey, Strokes]]:
        """Return the frames on which there is anything, in their order."""
        return [(key, self.frames[key]) for key in sorted(self.frames) if self.frames[key].any()]

    def __getitem__(self, index: Any) -> Any:
        return self._pixels(index) if _is_of_pixels(index) else super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        if _is_of_pixels(index):
            self._paint_pixels(index, value)
            return
        parts = index if isinstance(index, tuple) else (index,)
        if not all(map(is_basic, parts)):
            raise TypeError(f"Strokes cannot be painted at {index!r}: give numbers and slices.")
        parts = one_per_axis(parts, self.ndim)
        chosen = [np.arange(n)[part] for n, part in zip(self.shape, parts, strict=True)]
        wanted = list(product(*(np.atleast_1d(where).tolist() for where in chosen[:-2])))
        planes = np.broadcast_to(value, shape_of(chosen))
        planes = planes.reshape(len(wanted), *shape_of(chosen[-2:]))
        for where, plane in zip(wanted, planes, strict=True):
            self._frame(where[0], where[1])[parts[-2:]] = plane

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Find the highest label where the strokes are: napari asks for it at a key."""
        if function is np.max and len(args) == 1 and not kwargs:
            return max((frame.max() for frame in self.frames.values()), default=np.uint8(0))
        return super().__array_function__(function, types, args, kwargs)

    def __deepcopy__(self, memo: Any) -> "StrokeStack":
        copied = StrokeStack(self.shape)
        copied.frames = deepcopy(self.frames)
        return copied

    def _read_painted(self, where: tuple[int, ...]) -> Strokes:
        frame = self.frames.get((where[0], where[1]))
        return np.zeros(self.shape[-2:], np.uint8) if frame is None else frame

    def _frame(self, fov: int, frame: int) -> Strokes:
        """Return a frame to paint on."""
        if (fov, frame) not in self.frames:
            self.frames[fov, frame] = np.zeros(self.shape[-2:], np.uint8)
        return self.frames[fov, frame]

    def _pixels(self, index: tuple[Any, ...]) -> Strokes:
        fovs, frames, *_, y, x = np.broadcast_arrays(*index)
        values = np.zeros(fovs.shape, np.uint8)
        for (fov, frame), at in _by_frame(fovs, frames):
            values[at] = self._read_painted((fov, frame))[y[at], x[at]]
        return values

    def _paint_pixels(self, index: tuple[Any, ...], value: Any) -> None:
        fovs, frames, *_, y, x = np.broadcast_arrays(*index)
        values = np.broadcast_to(value, fovs.shape)
        for (fov, frame), at in _by_frame(fovs, frames):
            self._frame(fov, frame)[y[at], x[at]] = values[at]


def _is_of_pixels(index: Any) -> bool:
    """Whether an index names single pixels by an array of numbers per axis."""
    return isinstance(index, tuple) and any(
        isinstance(part, list | np.ndarray) and np.ndim(part) > 0 for part in index
    )


def _by_frame(
    fovs: NDArray[np.intp], frames: NDArray[np.intp]
) -> Iterator[tuple[FrameKey, NDArray[np.bool_]]]:
    """Yield each frame that pixels are of, and which of them are."""
    for fov, frame in set(zip(fovs.ravel().tolist(), frames.ravel().tolist(), strict=True)):
        yield (fov, frame), (fovs == fov) & (frames == frame)
