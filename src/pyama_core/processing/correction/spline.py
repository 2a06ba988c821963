"""Interpolating splines over tile centers, as matrices from values to pixels."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CUBIC_NODES = 4
"""Fewer nodes than this carry a polynomial through all of them instead of a cubic spline."""


def spline_weights(nodes: Floats, at: Floats) -> Floats:
    """Weights of the interpolating spline through `nodes`, evaluated at `at`.

    The spline is cubic with not-a-knot ends (de Boor, A Practical Guide to Splines, 1978), which
    is what FITPACK's interpolation gives; with three, two or one nodes it is the parabola, the
    line or the constant through them. Beyond the nodes the outermost piece goes on.

    Parameters
    ----------
    nodes
        ``(n,)`` increasing positions of the values.
    at
        ``(m,)`` positions to evaluate at.

    Returns
    -------
    ``(m, n)`` float64; every row sums to 1.
    """
    if len(nodes) < CUBIC_NODES:
        return _lagrange_weights(nodes, at)
    piece = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
    width = np.diff(nodes)[piece]
    right = (at - nodes[piece]) / width
    left = 1.0 - right
    identity, curvature = np.eye(len(nodes)), _curvatures(nodes)
    bend_left = ((left**3 - left) * width**2 / 6)[:, None] * curvature[piece]
    bend_right = ((right**3 - right) * width**2 / 6)[:, None] * curvature[piece + 1]
    line = left[:, None] * identity[piece] + right[:, None] * identity[piece + 1]
    return np.asarray(line + bend_left + bend_right)


def _lagrange_weights(nodes: Floats, at: Floats) -> Floats:
    weights = np.ones((len(at), len(nodes)))
    for j, node in enumerate(nodes):
        for other in np.delete(nodes, j):
            weights[:, j] *= (at - other) / (node - other)
    return weights


def _curvatures(nodes: Floats) -> Floats:
    """Second derivatives at the nodes, ``(n, n)``: column j for the unit value at node j."""
    n, h = len(nodes), np.diff(nodes)
    system, slopes = np.zeros((n, n)), np.zeros((n, n))
    for i in range(1, n - 1):
        system[i, i - 1 : i + 2] = h[i - 1], 2 * (h[i - 1] + h[i]), h[i]
        slopes[i, i - 1 : i + 2] = 6 / h[i - 1], -6 / h[i - 1] - 6 / h[i], 6 / h[i]
    system[0, :3] = h[1], -h[0] - h[1], h[0]
    system[-1, -3:] = h[-1], -h[-2] - h[-1], h[-2]
    return np.linalg.solve(system, slopes)
