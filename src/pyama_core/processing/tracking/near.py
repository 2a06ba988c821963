"""Pairs of cells that are near each other, in one frame or so many frames apart."""

import numpy as np

from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.regions import Floats


def members(count: Ints) -> tuple[Ints, Ints]:
    """Return, for groups of so many members, the group of each member and its place therein."""
    group = np.repeat(np.arange(len(count)), count)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(count) - count, count)


def pairs_within(first: Floats, second: Floats, reach: float) -> tuple[Ints, Ints, Floats]:
    """Find the points of two sets that are less than `reach` apart.

    Parameters
    ----------
    first, second : (N, 2), (M, 2) float
        Points y, x.

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
    i, j = _in_neighboring_bands(first, second, reach)
    away = np.hypot(*(first[i] - second[j]).T)
    near = away < reach
    return i[near], j[near], away[near]


def _in_neighboring_bands(first: Floats, second: Floats, reach: float) -> tuple[Ints, Ints]:
    """Pair points that are within reach along x and in the same or the next band of its height.

    Bands are laid one behind the other, so that the points of a stretch follow each other.
    """
    left = min(first[:, 1].min(), second[:, 1].min())
    length = max(first[:, 1].max(), second[:, 1].max()) - left + 3 * reach
    here, there = (np.floor(p[:, 0] / reach) * length + p[:, 1] - left for p in (first, second))
    order = np.argsort(there, kind="stable")
    pairs = []
    for band in (-length, 0, length):
        start = np.searchsorted(there[order], here + band - 1.001 * reach)
        stop = np.searchsorted(there[order], here + band + 1.001 * reach)
        i, place = members(stop - start)
        pairs.append((i, order[start[i] + place]))
    i, j = np.concatenate(pairs, axis=1)
    return i, j


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
    found = movie.steady_center(later)
    between_frames = np.ptp(np.concatenate([expected[:, 0], found[:, 0], [0]])) + 2 * reach
    expected[:, 0] += order * between_frames
    found[:, 0] += movie.order[later] * between_frames
    return pairs_within(expected, found, reach)
