"""Write the ids of tracked cells into label images."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.regions import Regions
from pyama_core.processing.tracking.runs import Runs, paint_runs
from pyama_core.processing.tracking.tracks import Company

Labels = NDArray[np.uint16] | NDArray[np.uint32]


def relabel(runs: Runs, ids: NDArray[np.int64], shared: Mapping[int, Company], out: Labels) -> None:
    """Write each region's id into `out` (H, W), which holds zeros.

    Parameters
    ----------
    ids : (N,) int64
        The id of each region.
    shared : mapping of int to Company
        The regions that several cells share; their pixels are divided between them.
    """
    paint_runs(runs.row_start, runs.start, runs.stop, ids.astype(out.dtype)[runs.cell], out)
    for region, company in shared.items():
        pixels = _pixels(runs, region)
        out[pixels[:, 0], pixels[:, 1]] = company.ids[divided(pixels, company.expected)]


def _pixels(runs: Runs, region: int) -> NDArray[np.int64]:
    """Return the pixels (N, 2) y, x of a region."""
    index = np.flatnonzero(runs.cell == region)
    length = (runs.stop - runs.start)[index]
    row = np.searchsorted(runs.row_start, index, side="right") - 1
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return np.stack([np.repeat(row, length), np.repeat(runs.start[index], length) + within], 1)


def divided(pixels: NDArray[np.int64], expected: Regions) -> NDArray[np.int64]:
    """Say which of some touching cells each pixel belongs to: the one whose ellipse is nearest.

    Distances are Mahalanobis', so that each cell claims pixels according to its extent and
    orientation. The pixel nearest to a cell is always its own, so that none disappears.
    """
    dy, dx = (pixels[:, axis] - expected.center[:, axis, None] for axis in (0, 1))
    inverse = np.linalg.inv(expected.covariance.astype(np.float64))
    yy, yx, xx = inverse[:, 0, 0, None], inverse[:, 0, 1, None], inverse[:, 1, 1, None]
    away = yy * dy * dy + 2 * yx * dy * dx + xx * dx * dx
    owner: NDArray[np.int64] = away.argmin(axis=0)
    for cell in range(len(away)):
        nearest = int(away[cell].argmin())
        owner[nearest] = cell
        away[:, nearest] = np.inf
    return owner
