"""The foreground of a mask or label image as horizontal runs: found by one scan, and joined."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.processing.kernels import kernel
from pyama_core.processing.stack import read_only

_GREATEST_LABEL: Final = int(np.iinfo(np.uint32).max)
_RUNS_PER_ROW: Final = 32
_DENSE_LABELS: Final = 1 << 22
_ONE_PER_LABEL: Final = {
    np.dtype(np.uint8): 0x0101010101010101,
    np.dtype(np.uint16): 0x0001000100010001,
    np.dtype(np.uint32): 0x100000001,
}
"""What a label times this is: a 64-bit word that holds nothing but the label."""


def checked_labels(labels: NDArray[Any], place: str) -> NDArray[Any]:
    """Return labels of cells as they are, or as uint32 where they come in another type.

    Parameters
    ----------
    labels
        ``(H, W)`` mask, or whole numbers from 0, which is background, to 4294967295.
    place
        Which labels, for the error.

    Raises
    ------
    InputError
        They are anything else: two cells could become one, or background a cell.
    """
    if labels.dtype == np.bool_ or labels.dtype in _ONE_PER_LABEL:
        return labels
    is_whole = labels.dtype.kind in "iu"
    if is_whole and labels.min(initial=0) >= 0 and labels.max(initial=0) <= _GREATEST_LABEL:
        return labels.astype(np.uint32)
    extent = f" from {labels.min()} to {labels.max()}" if labels.dtype.kind in "iuf" else ""
    raise InputError(
        f"{place}: labels are {labels.dtype}{extent}; give bool, or integers from 0 (background) "
        f"to {_GREATEST_LABEL}."
    )


def find_runs(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Find the maximal horizontal runs of pixels of one cell.

    Parameters
    ----------
    labels
        ``(H, W)`` cell ids, or a mask; 0 is background.

    Returns
    -------
    NDArray
        ``(n_runs, 4)``: row, first column, column after the last, label; in reading order.

    Raises
    ------
    InputError
        As in `checked_labels`.
    """
    width = labels.shape[1]
    flat, words = _as_words(labels)
    ones = np.uint64(_ONE_PER_LABEL[flat.dtype])
    runs = np.empty((labels.shape[0] * _RUNS_PER_ROW, 4), dtype=np.int64)
    n_runs = scan_runs(flat, words, ones, width, runs)
    if n_runs > len(runs):
        runs = np.empty((n_runs, 4), dtype=np.int64)
        scan_runs(flat, words, ones, width, runs)
    return runs[:n_runs]


def distinct_labels(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct labels, ascending, and where each label stands among them."""
    top = int(labels.max(initial=0))
    if top > _DENSE_LABELS:
        cells, index = np.unique(labels, return_inverse=True)
        return cells, index
    present = np.zeros(top + 1, dtype=bool)
    present[labels] = True
    cells = np.flatnonzero(present)
    return cells, (np.cumsum(present) - 1)[labels]


def _as_words(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint64]]:
    """Give the labels in reading order, and the same memory as 64-bit words."""
    if labels.dtype == np.bool_:
        labels = labels.view(np.uint8)
    elif labels.dtype not in _ONE_PER_LABEL:
        labels = checked_labels(labels, "A frame of cells")
    flat = read_only(labels).reshape(-1)
    if flat.ctypes.data % 8:
        flat = read_only(flat.copy())
    whole = flat.size * flat.itemsize // 8 * 8 // flat.itemsize
    return flat, flat[:whole].view(np.uint64)


@kernel
def scan_runs(
    flat: NDArray[Any],
    words: NDArray[np.uint64],
    ones: np.uint64,
    width: int,
    runs: NDArray[np.int64],
) -> int:
    """Write the runs that fit into `runs`; return how many there are.

    Most words hold a single label, that of the word before: one comparison for all their pixels.
    """
    per_word = 8 // flat.itemsize
    open_run = (0, flat[0])
    n_runs = 0
    word = np.uint64(flat[0]) * ones
    for i in range(words.size):
        if words[i] != word:
            at = i * per_word
            n_runs, open_run = _scan_pixels(flat, at, at + per_word, width, open_run, n_runs, runs)
            word = np.uint64(open_run[1]) * ones
    at = words.size * per_word
    n_runs, open_run = _scan_pixels(flat, at, flat.size, width, open_run, n_runs, runs)
    return _end_run(open_run, flat.size, width, n_runs, runs)


@kernel
def _scan_pixels(
    flat: NDArray[Any],
    begin: int,
    stop: int,
    width: int,
    open_run: tuple[int, int],
    n_runs: int,
    runs: NDArray[np.int64],
) -> tuple[int, tuple[int, int]]:
    """Go on from the run that is open, as (first pixel, label), and return the one then open."""
    for x in range(begin, stop):
        if flat[x] != open_run[1]:
            n_runs = _end_run(open_run, x, width, n_runs, runs)
            open_run = (x, flat[x])
    return n_runs, open_run


@kernel
def _end_run(
    open_run: tuple[int, int], stop: int, width: int, n_runs: int, runs: NDArray[np.int64]
) -> int:
    """Write a run of the flat image, cut where rows end."""
    start, label = open_run
    while label != 0 and start < stop:
        row = start // width
        end = min(stop, (row + 1) * width)
        if n_runs < runs.shape[0]:
            runs[n_runs, 0] = row
            runs[n_runs, 1] = start - row * width
            runs[n_runs, 2] = end - row * width
            runs[n_runs, 3] = label
        n_runs += 1
        start = end
    return n_runs


@kernel
def join_runs(
    ends: NDArray[np.int64],
    starts: NDArray[np.int32],
    stops: NDArray[np.int32],
    reach: int,
    region: NDArray[np.int32],
) -> None:
    """Give runs that touch over rows one region: the index of its first run.

    By union-find over neighboring rows (He, Chao & Suzuki 2008, "A run-based two-scan labeling
    algorithm"). `ends` has, for each row, the number of runs up to its end. A `reach` of 1 joins
    runs that touch by a corner (8-neighbors), 0 does not (4-neighbors).
    """
    for i in range(region.size):
        region[i] = i
    above = 0
    for y in range(1, ends.size):
        i = ends[y - 1]
        while above < ends[y - 1] and i < ends[y]:
            if starts[above] < stops[i] + reach and starts[i] < stops[above] + reach:
                a, b = _find_root(region, above), _find_root(region, i)
                region[max(a, b)] = min(a, b)
            if stops[above] < stops[i]:
                above += 1
            else:
                i += 1
        above = ends[y - 1]
    for i in range(region.size):
        region[i] = region[region[i]]


@kernel
def _find_root(parent: NDArray[np.int32], i: int) -> int:
    """Region of run `i`, halving the path on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


Ints = NDArray[np.int32]


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
    found = find_runs(frame)
    row_start, start, stop = by_row(found, frame.shape[0])
    if frame.dtype == np.bool_:
        cell, n_cells = _connected(row_start, start, stop)
    else:
        values, index = distinct_labels(found[:, 3])
        cell, n_cells = index.astype(np.int32), len(values)
    return Runs(row_start, start, stop, cell, n_cells, frame.shape[1])


def _connected(row_start: Ints, start: Ints, stop: Ints) -> tuple[Ints, int]:
    """Return each run's component, in the order of their first runs, and how many there are."""
    region = np.empty(len(start), np.int32)
    join_runs(row_start[1:].astype(np.int64), start, stop, 1, region)
    is_first = region == np.arange(len(region))
    number = np.cumsum(is_first, dtype=np.int32) - 1
    return number[region], int(is_first.sum())


@kernel
def by_row(found: NDArray[np.int64], n_rows: int) -> tuple[Ints, Ints, Ints]:
    """Say where each row's runs begin, and give the columns of all runs."""
    row_start = np.zeros(n_rows + 1, np.int32)
    start, stop = np.empty(len(found), np.int32), np.empty(len(found), np.int32)
    for run in range(len(found)):
        row_start[found[run, 0] + 1] += 1
        start[run], stop[run] = found[run, 1], found[run, 2]
    for y in range(n_rows):
        row_start[y + 1] += row_start[y]
    return row_start, start, stop


@kernel
def paint_runs(
    row_start: Ints, start: Ints, stop: Ints, label: NDArray[Any], out: NDArray[Any]
) -> None:
    """Write each run's label into `out` (H, W), which holds zeros."""
    for y in range(len(row_start) - 1):
        for run in range(row_start[y], row_start[y + 1]):
            for x in range(start[run], stop[run]):
                out[y, x] = label[run]
