"""Pairs of cells that are near each other, in one frame or so many frames apart."""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.regions import Floats

Ints = NDArray[np.int64]


def pairs_within(first: Floats, second: Floats, reach: float) -> tuple[Ints, Ints, Floats]:
    """Find the points of two sets that are less than `reach` apart.

    Parameters
    ----------
    first, second : (N, D), (M, D) float
        Points.

    Returns
    -------
    i, j : (K,) int64
        Which point of either set.
    away : (K,) float64
        How far apart they are.
    """
    if len(first) == 0 or len(second) == 0 or reach <= 0:
        none = np.empty(0, np.int64)
        return none, none, np.empty(0)
    from scipy.spatial import cKDTree

    found = cKDTree(first).sparse_distance_matrix(cKDTree(second), reach, output_type="ndarray")
    found = found[found["v"] < reach]
    return found["i"].astype(np.int64), found["j"].astype(np.int64), found["v"]


def pairs_after(
    movie: Movie, cells: Ints, later: Ints, lag: int, reach: float
) -> tuple[Ints, Ints, Floats]:
    """Find where, `lag` held frames later, cells are near the places they should have moved to.

    Parameters
    ----------
    cells, later : (N,), (M,) int64
        Cells of the movie.

    Returns
    -------
    i, j : (K,) int64
        Which of either.
    away : (K,) float64
        How far from the expected place.
    """
    order = movie.order[cells] + lag
    frame = movie.held[np.minimum(order, len(movie.held) - 1)]
    passed = (frame - movie.frame[cells])[:, None]
    expected = movie.steady_center(cells) + movie.velocity[cells] * passed
    between_frames = 2 * reach
    return pairs_within(
        np.column_stack([expected, order * between_frames]),
        np.column_stack([movie.steady_center(later), movie.order[later] * between_frames]),
        reach,
    )
