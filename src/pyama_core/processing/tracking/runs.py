"""Cells as horizontal runs: one scan of a frame gives all that linking needs of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.runs import distinct_labels, find_runs

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
        cell, n_cells = connect_runs(row_start, start, stop)
    else:
        values, index = distinct_labels(found[:, 3])
        cell, n_cells = index.astype(np.int32), len(values)
    return Runs(row_start, start, stop, cell, n_cells, frame.shape[1])


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
def connect_runs(row_start: Ints, start: Ints, stop: Ints) -> tuple[Ints, int]:
    """Join runs that touch to 8-connected components, by union-find over neighboring rows."""
    parent = np.empty(len(start), np.int32)
    for run in range(len(start)):
        parent[run] = run
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
