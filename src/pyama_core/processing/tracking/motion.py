"""How far cells are expected to move: the movement they share with their neighbors.

Cells of a growing colony push each other along, so that neighbors move alike and the movement
varies linearly from place to place; an affine fit over a cell's nearest linked neighbors gives it
(locally weighted regression, Cleveland, J Am Stat Assoc 1979). Where cells wander independently
the fit predicts nothing, and is shrunk to nothing by how well it foretells cells left out of it.
"""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.tracking.regions import Floats

_NEIGHBORS = 12
_FEWEST = 3
_ROUNDS = 3
_SLOPE_CAUTION = 0.3
_FINEST = 0.5


def shared_motion(place: Floats, moved: Floats, where: Floats) -> Floats:
    """Estimate the movement at `where` that the cells at `place` have in common.

    Parameters
    ----------
    place : (N, 2) float
        Where linked cells are, y, x in pixels.
    moved : (N, 2) float
        How far each of them moved.
    where : (M, 2) float
        Places to predict the movement at.

    Returns
    -------
    (M, 2) float64
    """
    if len(place) < _FEWEST or len(where) == 0:
        return np.zeros(where.shape)
    downwards = np.argsort(place[:, 0])
    place, moved = place[downwards].astype(np.float64), moved[downwards].astype(np.float64)
    where = np.ascontiguousarray(where, np.float64)
    left_out = nearest_neighbors(place, place, min(_NEIGHBORS + 1, len(place)))[:, 1:].copy()
    share = _foretold_share(moved, fit_movement(place, moved, place, left_out))
    if share == 0:
        return np.zeros(where.shape)
    neighbors = nearest_neighbors(place, where, min(_NEIGHBORS, len(place)))
    return share * fit_movement(place, moved, where, neighbors)


def _foretold_share(moved: Floats, foretold: Floats) -> float:
    """Return the factor, 0 to 1, that best scales foretold movements to the true ones."""
    off = np.linalg.norm(moved - foretold, axis=1)
    weight = 1 / (1 + (off / max(float(np.median(off)), _FINEST)) ** 2)
    covariance = (weight[:, None] * moved * foretold).sum()
    variance = (weight[:, None] * foretold**2).sum()
    return float(np.clip(covariance / max(variance, 1e-9), 0, 1))


@kernel
def nearest_neighbors(place: Floats, where: Floats, count: int) -> NDArray[np.int64]:
    """Find the `count` nearest of `place`, in order of y, to each of `where`, nearest first."""
    nearest = np.empty((len(where), count), np.int64)
    away = np.empty(count, np.float64)
    for i in range(len(where)):
        away[:] = np.inf
        below = np.searchsorted(place[:, 0], where[i, 0])
        above = below - 1
        while above >= 0 or below < len(place):
            up = where[i, 0] - place[above, 0] if above >= 0 else np.inf
            down = place[below, 0] - where[i, 0] if below < len(place) else np.inf
            if min(up, down) ** 2 > away[-1]:
                break
            found = above if up <= down else below
            off = (place[found, 0] - where[i, 0]) ** 2 + (place[found, 1] - where[i, 1]) ** 2
            _insert(found, off, nearest[i], away)
            above, below = above - (up <= down), below + (up > down)
    return nearest


@kernel
def _insert(found: int, off: float, nearest: NDArray[np.int64], away: Floats) -> None:
    """Put a place among the nearest, in order of their distances, if it is one of them."""
    k = len(away) - 1
    if off >= away[k]:
        return
    while k > 0 and away[k - 1] > off:
        nearest[k], away[k] = nearest[k - 1], away[k - 1]
        k -= 1
    nearest[k], away[k] = found, off


@kernel
def fit_movement(
    place: Floats, moved: Floats, where: Floats, neighbors: NDArray[np.int64]
) -> Floats:
    """Fit an affine movement to the neighbors (M, K) of each place, wrong links downweighted."""
    fitted = np.empty(where.shape, np.float64)
    data = np.empty((neighbors.shape[1], 5), np.float64)
    near = np.empty(neighbors.shape[1], np.float64)
    trust = np.empty(neighbors.shape[1], np.float64)
    normal = np.empty((3, 5), np.float64)
    for i in range(len(where)):
        _gather(place, moved, where[i], neighbors[i], data, near)
        for k in range(len(near)):
            trust[k] = near[k]
        for repeat in range(_ROUNDS):
            if repeat > 0:
                _weigh(data, near, normal, trust)
            _solve(data, trust, normal)
        fitted[i, 0], fitted[i, 1] = normal[0, 3], normal[0, 4]
    return fitted


@kernel
def _gather(
    place: Floats,
    moved: Floats,
    where: Floats,
    index: NDArray[np.int64],
    data: Floats,
    near: Floats,
) -> None:
    """Fill in 1, y, x (1 = the farthest neighbor's distance), movement y, x; and nearness."""
    reach = 1e-12
    for k in range(len(index)):
        data[k, 0] = 1.0
        for axis in range(2):
            data[k, 1 + axis] = place[index[k], axis] - where[axis]
            data[k, 3 + axis] = moved[index[k], axis]
        near[k] = np.sqrt(data[k, 1] ** 2 + data[k, 2] ** 2)
        reach = max(reach, near[k])
    for k in range(len(index)):
        data[k, 1] /= reach
        data[k, 2] /= reach
        near[k] = (1 - (0.9 * near[k] / reach) ** 3) ** 3


@kernel
def _weigh(data: Floats, near: Floats, model: Floats, trust: Floats) -> None:
    """Trust neighbors less, the further they are from the fit compared with the others."""
    total, typical = 0.0, 0.0
    for k in range(len(near)):
        off = 0.0
        for axis in range(3, 5):
            fit = model[0, axis] + data[k, 1] * model[1, axis] + data[k, 2] * model[2, axis]
            off += (data[k, axis] - fit) ** 2
        trust[k] = np.sqrt(off)
        typical += near[k] * trust[k]
        total += near[k]
    typical = max(typical / total, _FINEST)
    for k in range(len(near)):
        trust[k] = near[k] / (1 + (trust[k] / typical) ** 2) ** 2


@kernel
def _solve(data: Floats, weight: Floats, normal: Floats) -> None:
    """Solve the weighted fit by elimination, slopes held back where data are few."""
    for i in range(3):
        for j in range(5):
            normal[i, j] = 0.0
        normal[i, i] = _SLOPE_CAUTION if i > 0 else 1e-6
        for k in range(len(weight)):
            for j in range(5):
                normal[i, j] += weight[k] * data[k, i] * data[k, j]
    for i in range(3):
        pivot = normal[i, i]
        for j in range(5):
            normal[i, j] /= pivot
        for row in range(3):
            factor = normal[row, i]
            if row != i:
                for j in range(5):
                    normal[row, j] -= factor * normal[i, j]
