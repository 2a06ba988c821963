"""Smooth surfaces fitted to values at patches.

Tensor splines with a penalty on their second differences (Eilers and Marx, Stat. Sci. 11, 1996),
their normal equations formed from the two axes alone (Currie, Durban and Eilers, J. R. Stat. Soc.
B 68, 2006).
"""

import numpy as np

from pyama_core.processing.correction.spline import Floats, SplineAxis, SplineSurface

_LEAST_NODES, _MOST_NODES = 7, 12
_PENALTY = 1e-3
"""Weight of the second differences, relative to that of the data at a node."""
_RIDGE = 1e-9
"""Keeps a fit solvable where nothing was seen."""


class SurfaceRegression:
    """Normal equations of surfaces over one frame, from weighted values at its patches."""

    def __init__(self, shape: tuple[int, int], window: int, centers: tuple[Floats, Floats]) -> None:
        self.surface = SplineSurface(_axis(shape[0], window), _axis(shape[1], window))
        self.nodes = len(self.surface.y.nodes), len(self.surface.x.nodes)
        self._y = self.surface.y.weights(centers[0])
        self._x = self.surface.x.weights(centers[1])
        self._slope_y, self._slope_x = (
            _slopes(self.surface.y, centers[0]),
            _slopes(self.surface.x, centers[1]),
        )
        self._yy, self._xx = _products(self._y), _products(self._x)
        self._bending = _bending(*self.nodes)

    def at_patches(self, nodes: Floats) -> Floats:
        """Node values ``(ny, nx)`` evaluated at the patch centers, ``(py, px)``."""
        return np.asarray(self._y @ nodes @ self._x.T)

    def slopes_at_patches(self, nodes: Floats) -> Floats:
        """Slopes along y and x at the patch centers, ``(2, py, px)`` per px."""
        return np.stack([self._slope_y @ nodes @ self._x.T, self._y @ nodes @ self._slope_x.T])

    def information(self, weights: Floats) -> Floats:
        """Information on the nodes, ``(n, n)``, in values with these weights ``(py, px)``."""
        ny, nx = self.nodes
        pairs = (self._yy.T @ weights @ self._xx).reshape(ny, ny, nx, nx)
        return np.asarray(pairs.transpose(0, 2, 1, 3).reshape(ny * nx, ny * nx))

    def projection(self, weighted: Floats) -> Floats:
        """Right-hand side ``(..., n)`` for weighted values ``(..., py, px)``."""
        nodes = self._y.T @ weighted @ self._x
        return np.asarray(nodes.reshape(*nodes.shape[:-2], -1))

    def penalty(self, information: Floats) -> Floats:
        """Weigh the second differences in proportion to the information."""
        return np.asarray(_PENALTY * np.diag(information).mean() * self._bending)

    def solve(self, information: Floats, projection: Floats) -> tuple[Floats, Floats]:
        """Node values ``(ny, nx)`` and their covariance ``(n, n)`` for unit noise."""
        penalized = information + self.penalty(information)
        covariance = np.asarray(np.linalg.inv(penalized + ridge(information)), dtype=np.float64)
        return (covariance @ projection).reshape(self.nodes), covariance


def ridge(information: Floats) -> Floats:
    """Give a little information everywhere, so that a system without data has a solution."""
    n = len(information)
    return np.asarray(_RIDGE * max(np.trace(information) / n, 1.0) * np.eye(n))


def _axis(size: int, window: int) -> SplineAxis:
    n = int(np.clip(np.ceil(size / window) + 2, _LEAST_NODES, _MOST_NODES))
    return SplineAxis(np.linspace(0, size - 1, n), size, hold=False)


def _slopes(axis: SplineAxis, at: Floats) -> Floats:
    return np.asarray(axis.weights(at + 0.5) - axis.weights(at - 0.5))


def _products(weights: Floats) -> Floats:
    n = weights.shape[1]
    return np.asarray((weights[:, :, None] * weights[:, None, :]).reshape(-1, n * n))


def _bending(ny: int, nx: int) -> Floats:
    return np.asarray(
        np.kron(_second_differences(ny), np.eye(nx)) + np.kron(np.eye(ny), _second_differences(nx))
    )


def _second_differences(n: int) -> Floats:
    differences = np.diff(np.eye(n), 2, axis=0)
    return np.asarray(differences.T @ differences)
