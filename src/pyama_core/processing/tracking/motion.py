"""How far cells are expected to move: the movement they share with their neighbors.

Cells of a growing colony push each other along, so that neighbors move alike and the movement
varies linearly from place to place; an affine fit over a cell's nearest linked neighbors gives it
(locally weighted regression, Cleveland, J Am Stat Assoc 1979). Where cells wander independently
the fit predicts nothing, and is shrunk to nothing by how well it foretells the cells left out of it.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NEIGHBORS = 12
_ROUNDS = 3


def shared_motion(place: Floats, moved: Floats, where: Floats) -> Floats:
    """Estimate the movement at `where` that the cells at `place` have in common.

    Parameters
    ----------
    place : (N, 2) float64
        Where linked cells are, y, x in pixels.
    moved : (N, 2) float64
        How far each of them moved.
    where : (M, 2) float64
        Places to predict the movement at.

    Returns
    -------
    (M, 2) float64
    """
    if len(place) < 3 or len(where) == 0:
        return np.zeros_like(where)
    share = _foretold_share(moved, _fitted(place, moved, place, leave_out=True))
    return share * _fitted(place, moved, where, leave_out=False)


def _foretold_share(moved: Floats, foretold: Floats) -> float:
    """Return the factor, 0 to 1, that best scales foretold movements to the true ones."""
    size = np.linalg.norm(moved - foretold, axis=1)
    weight = 1 / (1 + (size / max(float(np.median(size)), 0.5)) ** 2)
    covariance = (weight[:, None] * moved * foretold).sum()
    variance = (weight[:, None] * foretold**2).sum()
    return float(np.clip(covariance / max(variance, 1e-9), 0, 1))


def _fitted(place: Floats, moved: Floats, where: Floats, *, leave_out: bool) -> Floats:
    """Fit an affine movement to the neighbors of each of `where`, wrong links downweighted."""
    from scipy.spatial import cKDTree

    count = min(_NEIGHBORS + leave_out, len(place))
    away, index = cKDTree(place).query(where, k=count)
    away, index = away[:, leave_out:], index[:, leave_out:]
    scale = away[:, -1:] + 1e-6
    arms = (place[index] - where[:, None]) / scale[:, :, None]
    design = np.concatenate([np.ones_like(arms[:, :, :1]), arms], axis=2)
    weight = (1 - (0.9 * away / scale) ** 3) ** 3
    target = moved[index]
    trust = np.ones_like(weight)
    for _ in range(_ROUNDS):
        model = _least_squares(design, target, weight * trust)
        off = np.linalg.norm(target - design @ model, axis=2)
        typical = np.maximum(np.median(off, axis=1, keepdims=True), 0.5)
        trust = 1 / (1 + (off / (2 * typical)) ** 2)
    return model[:, 0]


def _least_squares(design: Floats, target: Floats, weight: Floats) -> Floats:
    """Solve many weighted 3-parameter fits, their slopes held back where data are few."""
    weighted = design * weight[:, :, None]
    normal = weighted.transpose(0, 2, 1) @ design + np.diag([1e-6, 0.3, 0.3])
    return np.linalg.solve(normal, weighted.transpose(0, 2, 1) @ target)
