"""Cells as horizontal runs: one scan of a frame gives all that linking needs of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.runs import distinct_labels, find_runs, join_runs

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
