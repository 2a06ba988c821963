"""Values for tiles and frames that are all cells."""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.spline import Floats


def fill_from_neighbors(grid: Floats) -> Floats:
    """Fill NaN in a grid ``(ny, nx)`` with the mean of its known neighbors, inwards ring by ring.

    A grid without any value stays as it is.
    """
    filled = grid.copy()
    while np.isnan(filled).any() and not np.isnan(filled).all():
        known = ~np.isnan(filled)
        total = _sum_3x3(np.where(known, filled, 0.0))
        near = _sum_3x3(known.astype(np.float64))
        reached = ~known & (near > 0)
        filled[reached] = total[reached] / near[reached]
    return filled


def fill_over_time(values: NDArray[np.float64], missing: NDArray[np.bool_]) -> Floats:
    """Fill whole frames of NaN from the frames before and after, linearly in time.

    Parameters
    ----------
    values
        ``(T, ...)``; a frame is unknown where all of it is NaN.
    missing
        ``(T,)`` frames that stay NaN and that nothing is taken from.
    """
    unknown = np.isnan(values.reshape(len(values), -1)).all(axis=1)
    known = np.flatnonzero(~unknown & ~missing)
    filled = values.copy()
    if not len(known):
        return filled
    for t in np.flatnonzero(unknown & ~missing):
        after = int(np.searchsorted(known, t))
        left, right = known[max(after - 1, 0)], known[min(after, len(known) - 1)]
        share = 0.0 if left == right else (t - left) / (right - left)
        filled[t] = (1 - share) * values[left] + share * values[right]
    return filled


def _sum_3x3(grid: Floats) -> Floats:
    padded = np.pad(grid, 1)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])
