"""The foreground of a label image as runs: gathered once, then used by every feature."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel

_RUNS_PER_ROW: Final = 32
_ONE_PER_LABEL: Final = {np.dtype(np.uint16): 0x0001000100010001, np.dtype(np.uint32): 0x100000001}
"""What a label times this is: a 64-bit word that holds nothing but the label."""


def find_runs(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Find the maximal horizontal runs of pixels of one cell.

    Parameters
    ----------
    labels
        ``(H, W)`` cell ids, 0 is background.

    Returns
    -------
    NDArray
        ``(n_runs, 4)``: row, first column, column after the last, label; in reading order.
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


def _as_words(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint64]]:
    """Give the labels in reading order, and the same memory as 64-bit words."""
    if labels.dtype not in _ONE_PER_LABEL:
        labels = labels.astype(np.uint32)
    flat = read_only(labels).reshape(-1)
    if flat.ctypes.data % 8:
        flat = read_only(flat.copy())
    whole = flat.size * flat.itemsize // 8 * 8 // flat.itemsize
    return flat, flat[:whole].view(np.uint64)


def read_only(image: NDArray[Any]) -> NDArray[Any]:
    """Give a C-contiguous image that is not for writing, as frames of a mapped file are.

    Kernels are compiled for one kind of array instead of two.
    """
    image = np.ascontiguousarray(image).view()
    image.flags.writeable = False
    return image


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
def sum_runs(runs: NDArray[np.int64], index: NDArray[np.int64], sums: NDArray[np.int64]) -> None:
    """Add up per cell: area, sum of x, sum of y, and the bounding box.

    Columns of `sums`, ``(n_cells, 7)``: area, x, y, x0, y0, x1, y1; `index` says which cell a
    run belongs to.
    """
    sums[:, :3] = 0
    sums[:, 3:5] = np.iinfo(np.int64).max
    sums[:, 5:] = 0
    for i in range(runs.shape[0]):
        row, start, stop = runs[i, 0], runs[i, 1], runs[i, 2]
        cell = sums[index[i]]
        length = stop - start
        cell[0] += length
        cell[1] += (start + stop - 1) * length // 2
        cell[2] += row * length
        cell[3] = min(cell[3], start)
        cell[4] = min(cell[4], row)
        cell[5] = max(cell[5], stop)
        cell[6] = max(cell[6], row + 1)
