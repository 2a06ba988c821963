"""Cells as horizontal runs: one scan of a frame gives all that linking needs of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel

Ints = NDArray[np.int32]
Pixels = NDArray[np.unsignedinteger]
Words = NDArray[np.uint64]
Values = NDArray[np.uint32]

_LARGEST_TABLE = 1 << 24


@dataclass(frozen=True)
class Runs:
    """The cells of one frame as runs, in raster order.

    Attributes
    ----------
    row_start : (H + 1,) int32
        Row ``y`` holds the runs ``row_start[y]`` up to, not including, ``row_start[y + 1]``.
    start, stop : (R,) int32
        First column of each run and the column after its last.
    cell : (R,) int32
        The cell each run belongs to, from 0.
    n_cells : int
        Number of cells.
    width : int
        Width of the frame.
    """

    row_start: Ints
    start: Ints
    stop: Ints
    cell: Ints
    n_cells: int
    width: int


def runs_of(frame: NDArray[Any]) -> Runs:
    """Find the cells of a frame.

    Parameters
    ----------
    frame : (H, W) bool or integer
        A mask, whose connected components are the cells (8-connected: pixels that touch at a
        corner belong together, since thin oblique cells would fall apart otherwise), or
        instances, one value per cell, 0 = background; cells are then in order of their values.
    """
    pixels = _plain(frame)
    row_start, start, stop, value = find_runs(pixels, _words(pixels))
    if frame.dtype == np.bool_:
        cell, n_cells = connect_runs(row_start, start, stop)
    else:
        cell, n_cells = _index(value)
    return Runs(row_start, start, stop, cell, n_cells, pixels.shape[1])


def _plain(frame: NDArray[Any]) -> Pixels:
    """View a frame as contiguous read-only unsigned pixels, so that few kernels are compiled."""
    if frame.dtype == np.bool_:
        frame = frame.view(np.uint8)
    elif frame.dtype not in (np.uint8, np.uint16, np.uint32):
        frame = frame.astype(np.uint32)
    pixels = np.ascontiguousarray(frame)
    if not pixels.flags.aligned:
        pixels = pixels.copy()
    pixels = pixels.view(np.ndarray)
    pixels.flags.writeable = False
    return pixels


def _words(pixels: Pixels) -> Words:
    """View pixels eight bytes at a time; no words where the width or the address forbids it."""
    width_in_bytes = pixels.shape[1] * pixels.itemsize
    if width_in_bytes % 8 or pixels.ctypes.data % 8:
        words = np.empty((pixels.shape[0], 0), np.uint64)
        words.flags.writeable = False
        return words
    return pixels.view(np.uint64)


def _index(value: NDArray[np.uint32]) -> tuple[Ints, int]:
    """Return for each value its place among the distinct ones, and how many there are."""
    largest = int(value.max(initial=0))
    if largest >= _LARGEST_TABLE:
        values, index = np.unique(value, return_inverse=True)
        return index.astype(np.int32), len(values)
    seen = np.zeros(largest + 1, np.bool_)
    seen[value] = True
    index = np.cumsum(seen, dtype=np.int32)
    return index[value] - np.int32(1), int(seen.sum())


@kernel
def find_runs(pixels: Pixels, words: Words) -> tuple[Ints, Ints, Ints, Values]:
    """Find all runs of equal non-zero pixels; `words` is the same memory, eight bytes at a time."""
    height, width = pixels.shape
    ones = np.uint64(0)
    for k in range(8 // pixels.itemsize):
        ones |= np.uint64(1) << np.uint64(8 * pixels.itemsize * k)
    row_start = np.zeros(height + 1, np.int32)
    start = np.empty(4 * height + width, np.int32)
    stop = np.empty(4 * height + width, np.int32)
    value = np.empty(4 * height + width, np.uint32)
    n = 0
    for y in range(height):
        if n + width > len(start):
            start, stop = _grown(start, width), _grown(stop, width)
            value = _grown(value, width)
        x = _skip_equal(pixels, words, y, 0, pixels.dtype.type(0), np.uint64(0))
        while x < width:
            start[n], value[n] = x, pixels[y, x]
            x = _skip_equal(pixels, words, y, x, pixels[y, x], np.uint64(pixels[y, x]) * ones)
            stop[n] = x
            n += 1
            x = _skip_equal(pixels, words, y, x, pixels.dtype.type(0), np.uint64(0))
        row_start[y + 1] = n
    return row_start, start[:n].copy(), stop[:n].copy(), value[:n].copy()


@kernel
def _skip_equal(
    pixels: Pixels, words: Words, y: int, x: int, value: np.unsignedinteger, word: np.uint64
) -> int:
    """Return the first column from `x` on that is not `value`; `word` is `value` repeated."""
    width, n_words = pixels.shape[1], words.shape[1]
    per_word = 8 // pixels.itemsize
    while x < width and pixels[y, x] == value:
        x += 1
        if x & (per_word - 1) == 0:
            w = x // per_word
            while w + 8 <= n_words and _all_equal(words, y, w, word):
                w += 8
            while w < n_words and words[y, w] == word:
                w += 1
            x = w * per_word
    return x


@kernel
def _all_equal(words: Words, y: int, w: int, word: np.uint64) -> bool:
    """Tell whether eight words are `word`."""
    different = words[y, w] ^ word
    for k in range(1, 8):
        different |= words[y, w + k] ^ word
    return bool(different == 0)


@kernel
def _grown(array: NDArray[Any], width: int) -> NDArray[Any]:
    """Return a copy with room for twice as much and one more row."""
    larger = np.empty(2 * len(array) + width, array.dtype)
    larger[: len(array)] = array
    return larger


@kernel
def connect_runs(row_start: Ints, start: Ints, stop: Ints) -> tuple[Ints, int]:
    """Join runs that touch to 8-connected components, by union-find over neighboring rows."""
    parent = np.arange(len(start)).astype(np.int32)
    for y in range(1, len(row_start) - 1):
        above, here = row_start[y - 1], row_start[y]
        while above < row_start[y] and here < row_start[y + 1]:
            if start[above] <= stop[here] and start[here] <= stop[above]:
                _join(parent, above, here)
            if stop[above] < stop[here]:
                above += 1
            else:
                here += 1
    return _numbered(parent)


@kernel
def _root(parent: Ints, run: int) -> int:
    """Find the first run of a component, shortening the way for the next time."""
    while parent[run] != run:
        parent[run] = parent[parent[run]]
        run = parent[run]
    return run


@kernel
def _join(parent: Ints, first: int, second: int) -> None:
    """Make two runs members of one component."""
    a, b = _root(parent, first), _root(parent, second)
    parent[max(a, b)] = min(a, b)


@kernel
def _numbered(parent: Ints) -> tuple[Ints, int]:
    """Return each run's component, in the order of their first runs, and how many there are."""
    cell = np.empty(len(parent), np.int32)
    n = 0
    for run in range(len(parent)):
        root = _root(parent, run)
        if root == run:
            cell[run] = n
            n += 1
        else:
            cell[run] = cell[root]
    return cell, n


@kernel
def paint_runs(
    row_start: Ints, start: Ints, stop: Ints, label: NDArray[Any], out: NDArray[Any]
) -> None:
    """Write each run's label into `out` (H, W), which holds zeros."""
    for y in range(len(row_start) - 1):
        for run in range(row_start[y], row_start[y + 1]):
            for x in range(start[run], stop[run]):
                out[y, x] = label[run]
