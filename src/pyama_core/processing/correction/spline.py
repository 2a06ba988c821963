"""Surfaces as splines through a few nodes, evaluated at pixels."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel

Floats = NDArray[np.float64]
Image = NDArray[np.float32]

LEAST_GAIN = np.float32(0.05)
"""Where less light than this share of the mean falls nothing can be measured."""
_CUBIC_NODES = 4
"""Fewer nodes than this carry a polynomial through all of them instead of a cubic spline."""
_SAMPLES = np.linspace(0.0, 1.0, 4)
_TO_POLYNOMIAL = np.linalg.inv(np.vander(_SAMPLES, increasing=True))
"""From values at four places of a cubic piece to its coefficients."""


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
    if len(nodes) < _CUBIC_NODES:
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
    return np.asarray(np.linalg.solve(system, slopes), dtype=np.float64)


@dataclass(frozen=True)
class SplineAxis:
    """Nodes along one axis of a frame."""

    nodes: Floats
    size: int
    """Pixels along the axis."""
    hold: bool
    """Whether values beyond the outermost nodes stay as they are there."""

    def weights(self, at: Floats) -> Floats:
        """Weights of the node values at positions `at`, ``(len(at), n)``."""
        return spline_weights(self.nodes, self._within(at))

    @cached_property
    def pixel_weights(self) -> Floats:
        """Weights of the node values at every pixel, ``(size, n)``."""
        return self.weights(np.arange(self.size, dtype=np.float64))

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First pixel of each piece that is one polynomial, and the end of the last."""
        inner = self.nodes if self.hold else self.nodes[1:-1]
        edges = np.unique(np.ceil(np.clip(inner, 0, self.size)).astype(np.int64))
        return np.unique(np.concatenate([[0], edges, [self.size]]))

    @cached_property
    def polynomials(self) -> Floats:
        """``(n, pieces * 4)``: from node values to each piece's coefficients.

        Piece p is ``c0 + c1*u + c2*u**2 + c3*u**3`` with ``u`` the pixel less ``starts[p]``,
        over the length of the piece.
        """
        first, last = self.starts[:-1], self.starts[1:] - 1
        at = first[:, None] + (last - first)[:, None] * _SAMPLES
        values = self.weights(at.ravel()).reshape(len(first), len(_SAMPLES), -1)
        coefficients = np.einsum("ij,pjn->pin", _TO_POLYNOMIAL, values)
        stretch = (last + 1 - first) / np.maximum(last - first, 1)
        coefficients *= stretch[:, None, None] ** np.arange(len(_SAMPLES))[:, None]
        return np.asarray(coefficients.reshape(-1, len(self.nodes)).T)

    def _within(self, at: Floats) -> Floats:
        return np.clip(at, self.nodes[0], self.nodes[-1]) if self.hold else at


@dataclass(frozen=True)
class SplineSurface:
    """Surfaces over a frame, each given by its values at the nodes of two axes."""

    y: SplineAxis
    x: SplineAxis

    def at_pixels(self, values: Floats) -> Image:
        """Evaluate node values ``(ny, nx)`` at every pixel, ``(H, W)`` float32."""
        level = np.rint(values.mean())
        rows = (self.y.pixel_weights @ (values - level)).astype(np.float32)
        image = rows @ self.x.pixel_weights.T.astype(np.float32)
        image += np.float32(level)
        return np.asarray(image)

    def mean(self, values: Floats) -> float:
        """Mean over all pixels."""
        return float(self.y.pixel_weights.mean(axis=0) @ values @ self.x.pixel_weights.mean(axis=0))

    def pieces(self, values: Floats) -> Image:
        """Give the coefficients of every row's polynomials, ``(H, pieces, 4)`` float32."""
        rows = self.y.pixel_weights @ values @ self.x.polynomials
        return rows.astype(np.float32).reshape(len(rows), -1, 4)

    def correct(self, frame: NDArray[Any], values: Floats, gain: Image, out: Image) -> None:
        """Write ``(frame - surface) / gain`` into `out`.

        Parameters
        ----------
        frame
            ``(H, W)`` of any real dtype.
        values
            ``(ny, nx)`` node values of the surface.
        gain
            `pieces` of the gain.
        out
            ``(H, W)`` float32, C-contiguous.
        """
        level = np.rint(values.mean())
        pieces = self.pieces(values - level)
        _correct(frame, pieces, gain, self.x.starts, np.float32(level), out)


@kernel
def _correct(
    frame: NDArray[Any],
    surface: Image,
    gain: Image,
    starts: NDArray[np.int64],
    level: np.float32,
    out: Image,
) -> None:
    """Subtract a large level first and the small rest after: float32 then loses nothing."""
    for y in range(frame.shape[0]):
        for piece in range(len(starts) - 1):
            start, end = starts[piece], starts[piece + 1]
            s0, s1, s2, s3 = surface[y, piece]
            g0, g1, g2, g3 = gain[y, piece]
            per_pixel = np.float32(1.0 / (end - start))
            pixels, corrected = frame[y, start:end], out[y, start:end]
            for x in range(len(pixels)):
                u = np.float32(np.int32(x)) * per_pixel
                rest = (np.float32(pixels[x]) - level) - (s0 + u * (s1 + u * (s2 + u * s3)))
                corrected[x] = rest / max(g0 + u * (g1 + u * (g2 + u * g3)), LEAST_GAIN)
