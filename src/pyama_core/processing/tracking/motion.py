"""How far cells are expected to move: the movement they share with their neighbors.

Cells of a growing colony push each other along, so that neighbors move alike and the movement
varies linearly from place to place; an affine fit over a cell's nearest linked neighbors gives it
(locally weighted regression, Cleveland, J Am Stat Assoc 1979). Where cells wander independently
the fit predicts nothing, and is shrunk to nothing by how well it foretells cells left out of it.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.tracking.regions import Floats

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

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
    from scipy.spatial import cKDTree

    tree = cKDTree(place)
    place, moved, where = (np.ascontiguousarray(a, np.float64) for a in (place, moved, where))
    left_out = _neighbors(tree, place, 1)
    share = _foretold_share(moved, fit_movement(place, moved, place, left_out))
    if share == 0:
        return np.zeros(where.shape)
    return share * fit_movement(place, moved, where, _neighbors(tree, where, 0))


def _neighbors(tree: "cKDTree[Any]", where: Floats, skip: int) -> NDArray[np.int64]:
    """Return the indices of the nearest cells, without the `skip` very nearest."""
    count = min(_NEIGHBORS + skip, tree.n)
    nearest = np.asarray(tree.query(where, k=count)[1], np.int64)
    return np.ascontiguousarray(nearest[:, skip:])


def _foretold_share(moved: Floats, foretold: Floats) -> float:
    """Return the factor, 0 to 1, that best scales foretold movements to the true ones."""
    off = np.linalg.norm(moved - foretold, axis=1)
    weight = 1 / (1 + (off / max(float(np.median(off)), _FINEST)) ** 2)
    covariance = (weight[:, None] * moved * foretold).sum()
    variance = (weight[:, None] * foretold**2).sum()
    return float(np.clip(covariance / max(variance, 1e-9), 0, 1))


@kernel
def fit_movement(
    place: Floats, moved: Floats, where: Floats, neighbors: NDArray[np.int64]
) -> Floats:
    """Fit an affine movement to the neighbors (M, K) of each place, wrong links downweighted."""
    n_neighbors = neighbors.shape[1]
    fitted = np.empty((len(where), 2))
    design, target = np.ones((n_neighbors, 3)), np.empty((n_neighbors, 2))
    near, trust, off = np.empty(n_neighbors), np.empty(n_neighbors), np.empty(n_neighbors)
    for i in range(len(where)):
        reach = 1e-6
        for k in range(n_neighbors):
            j = neighbors[i, k]
            design[k, 1], design[k, 2] = place[j, 0] - where[i, 0], place[j, 1] - where[i, 1]
            target[k, 0], target[k, 1] = moved[j, 0], moved[j, 1]
            off[k] = np.hypot(design[k, 1], design[k, 2])
            reach = max(reach, off[k])
        for k in range(n_neighbors):
            design[k, 1] /= reach
            design[k, 2] /= reach
            near[k] = (1 - (0.9 * off[k] / reach) ** 3) ** 3
            trust[k] = 1.0
        model = _least_squares(design, target, near)
        for _ in range(_ROUNDS - 1):
            for k in range(n_neighbors):
                dy = target[k, 0] - (
                    model[0, 0] + design[k, 1] * model[1, 0] + design[k, 2] * model[2, 0]
                )
                dx = target[k, 1] - (
                    model[0, 1] + design[k, 1] * model[1, 1] + design[k, 2] * model[2, 1]
                )
                off[k] = np.hypot(dy, dx)
            typical = max(np.median(off), _FINEST)
            for k in range(n_neighbors):
                trust[k] = near[k] / (1 + (off[k] / (2 * typical)) ** 2)
            model = _least_squares(design, target, trust)
        fitted[i] = model[0]
    return fitted


@kernel
def _least_squares(design: Floats, target: Floats, weight: Floats) -> Floats:
    """Solve a weighted fit of 3 parameters by elimination, slopes held back where data are few."""
    normal = np.zeros((3, 5))
    normal[0, 0], normal[1, 1], normal[2, 2] = 1e-6, _SLOPE_CAUTION, _SLOPE_CAUTION
    for k in range(len(weight)):
        for i in range(3):
            scaled = weight[k] * design[k, i]
            for j in range(3):
                normal[i, j] += scaled * design[k, j]
            normal[i, 3] += scaled * target[k, 0]
            normal[i, 4] += scaled * target[k, 1]
    for i in range(3):
        for row in range(3):
            if row != i:
                factor = normal[row, i] / normal[i, i]
                for j in range(i, 5):
                    normal[row, j] -= factor * normal[i, j]
    for i in range(3):
        normal[i, 3] /= normal[i, i]
        normal[i, 4] /= normal[i, i]
    return normal[:, 3:]
