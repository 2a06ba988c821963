"""Write the ids of tracked cells into label images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.raster.runs import Ints, Runs, paint_runs
from pyama_core.processing.tracking.linking import Shares
from pyama_core.processing.tracking.regions import CellRuns, Floats, by_cell

Labels = NDArray[np.uint16] | NDArray[np.uint32]


def relabel(runs: Runs, ids: NDArray[np.int64], shared: Shares, out: Labels) -> None:
    """Write each region's id into `out` (H, W), which holds zeros.

    Parameters
    ----------
    ids : (N,) int64
        The id of each region.
    shared : Shares
        The regions that several cells share; their pixels are divided between them.
    """
    paint_runs(runs.row_start, runs.start, runs.stop, ids.astype(out.dtype)[runs.cell], out)
    if len(shared.node):
        center = shared.center.astype(np.float64)
        inverse = np.linalg.inv(shared.covariance.astype(np.float64))
        label = shared.cell.astype(out.dtype)
        divide_regions(by_cell(runs), shared.node, center, inverse, label, out)


@kernel
def divide_regions(
    cells: CellRuns,
    region: NDArray[np.int64],
    center: Floats,
    inverse: Floats,
    label: NDArray[Any],
    out: NDArray[Any],
) -> None:
    """Give each pixel of regions that touching cells share to the cell whose ellipse is nearest.

    Distances are Mahalanobis', so that each cell claims pixels according to its extent and
    orientation. The pixel nearest to a cell is always its own, so that none disappears.

    Parameters
    ----------
    region : (M,) int64
        The region each cell is in, in order.
    center : (M, 2) float64
        Where each cell is expected, y, x.
    inverse : (M, 2, 2) float64
        Inverse of its covariance.
    label : (M,)
        What is written for it.
    """
    begin = 0
    for end in range(1, len(region) + 1):
        if end < len(region) and region[end] == region[begin]:
            continue
        first, stop = cells.first[region[begin]], cells.first[region[begin] + 1]
        runs = cells.row[first:stop], cells.start[first:stop], cells.stop[first:stop]
        ellipses = center[begin:end], inverse[begin:end]
        _paint_nearest(runs, ellipses, label[begin:end], out)
        _paint_one_pixel_each(runs, ellipses, label[begin:end], out)
        begin = end


@kernel
def _paint_nearest(
    runs: tuple[Ints, Ints, Ints],
    ellipses: tuple[Floats, Floats],
    label: NDArray[Any],
    out: NDArray[Any],
) -> None:
    """Write the label of the nearest ellipse into each pixel."""
    row, start, stop = runs
    least = np.empty(out.shape[1], np.float64)
    for run in range(len(row)):
        y = row[run]
        least[start[run] : stop[run]] = np.inf
        for cell in range(len(label)):
            of = _along_row(ellipses, cell, y)
            for x in range(start[run], stop[run]):
                away = _distance(of, x)
                if away < least[x]:
                    least[x], out[y, x] = away, label[cell]


@kernel
def _paint_one_pixel_each(
    runs: tuple[Ints, Ints, Ints],
    ellipses: tuple[Floats, Floats],
    label: NDArray[Any],
    out: NDArray[Any],
) -> None:
    """Write each label into the pixel nearest to its ellipse, and no two into the same.

    In a row the nearest pixel that is not taken is no farther from the nearest of all than there
    are labels.
    """
    row, start, stop = runs
    n = len(label)
    taken = np.full((n, 2), -1)
    for cell in range(n):
        least = np.inf
        for run in range(len(row)):
            of = _along_row(ellipses, cell, row[run])
            middle = min(max(int(of[0]), start[run]), stop[run] - 1)
            for x in range(max(start[run], middle - n), min(stop[run], middle + n + 1)):
                away = _distance(of, x)
                if away < least and not _among(taken[:cell], row[run], x):
                    least, taken[cell, 0], taken[cell, 1] = away, row[run], x
        if least < np.inf:
            out[taken[cell, 0], taken[cell, 1]] = label[cell]


@kernel
def _among(pixels: NDArray[np.int64], y: int, x: int) -> bool:
    """Tell whether a pixel is one of some."""
    found = False
    for k in range(len(pixels)):
        found |= pixels[k, 0] == y and pixels[k, 1] == x
    return found


@kernel
def _along_row(ellipses: tuple[Floats, Floats], cell: int, y: int) -> tuple[float, float, float]:
    """Return where a row is nearest to an ellipse, how near, and how the distance grows."""
    center, inverse = ellipses
    dy = y - center[cell, 0]
    yy, yx, xx = inverse[cell, 0, 0], inverse[cell, 0, 1], inverse[cell, 1, 1]
    return center[cell, 1] - yx / xx * dy, (yy - yx * yx / xx) * dy * dy, xx


@kernel
def _distance(along_row: tuple[float, float, float], x: int) -> float:
    """Return the squared Mahalanobis distance of a pixel of the row."""
    nearest, least, growth = along_row
    return least + growth * (x - nearest) ** 2
