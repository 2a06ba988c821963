"""Lines through the profiles of frames: backgrounds that go up and down with one pattern."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.profiles import Profiles
from pyama_core.processing.correction.spline import Floats

_STARTS = 60
"""Pairs of frames tried as a line; half of them lie on it even if 3 frames in 10 do not."""
_STEPS = 5
"""Rounds in which a line is fitted to the frames nearest to it."""
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Line:
    """Profiles ``base + drift[t] * gain``; several lines at once have one more axis in front."""

    base: Floats
    gain: Floats
    """``(blocks,)``; root mean square 1."""
    drift: Floats
    misfit: Floats
    """``(T,)`` mean square distance of each frame from the line, counts squared."""


def majority_line(profiles: Profiles, share: float) -> tuple[Line, NDArray[np.bool_]]:
    """Find the line to which a share of the frames is nearest, by least trimmed squares.

    Returns
    -------
    The line and the frames ``(T,)`` that it is fitted to.
    """
    n_frames = len(profiles.above)
    n_fitted = int(np.ceil(share * n_frames))
    line = _along(profiles, *_through_pairs(profiles))
    for _ in range(_STEPS):
        nearest = np.argsort(line.misfit, axis=1, kind="stable")[:, :n_fitted]
        fitted = np.zeros(line.misfit.shape, np.bool_)
        np.put_along_axis(fitted, nearest, True, axis=1)
        line = line_through(profiles, line.drift, fitted)
    best = int(np.argmin(np.where(fitted, line.misfit, 0).sum(axis=1)))
    one = Line(line.base[best], line.gain[best], line.drift[best], line.misfit[best])
    return one, fitted[best]


def line_through(profiles: Profiles, drift: Floats, chosen: NDArray[np.bool_]) -> Line:
    """Fit base and gain of each block to the chosen frames at their drifts, both ``(..., T)``."""
    counted = chosen.astype(np.float64)
    drift = drift - (counted * drift).sum(-1, keepdims=True) / counted.sum(-1, keepdims=True)
    weighted = profiles.weights * profiles.above
    n, first, second = (counted * drift**power @ profiles.weights for power in range(3))
    total, slope = counted @ weighted, counted * drift @ weighted
    mean = total / np.where(n > 0, n, 1)
    spread = second - first * first / np.where(n > 0, n, 1)
    told = spread > _ROUNDING * second
    gain = np.where(told, (slope - first * mean) / np.where(told, spread, 1), 0)
    base = mean - gain * first / np.where(n > 0, n, 1)
    return _along(profiles, base, gain)


def line_from(profiles: Profiles, middle: NDArray[np.bool_], to: int) -> Line:
    """Draw a line from the mean of some frames to one other frame."""
    weights = profiles.weights[middle]
    total = weights.sum(axis=0)
    base = (weights * profiles.above[middle]).sum(axis=0) / np.where(total > 0, total, 1)
    both = (profiles.weights[to] > 0) & (total > 0)
    return _along(profiles, base, np.where(both, profiles.above[to] - base, 0))


def tilts(profiles: Profiles, line: Line) -> Floats:
    """Return what frames have beside the line of even light and of gradients, ``(T, 3)`` counts."""
    even = np.ones_like(line.gain)
    modes = np.linalg.qr(np.stack([line.gain, even, *profiles.centers], axis=1))[0][:, 1:]
    modes *= np.sqrt(len(modes))
    rest = profiles.above - line.base - line.drift[:, None] * line.gain
    known = profiles.weights @ modes**2
    return np.asarray((profiles.weights * rest) @ modes / np.where(known > 0, known, np.inf))


def _through_pairs(profiles: Profiles) -> tuple[Floats, Floats]:
    frames = np.arange(len(profiles.above))
    draw = np.random.default_rng(0)
    first, second = np.array([draw.choice(frames, 2, replace=False) for _ in range(_STARTS)]).T
    both = (profiles.weights[first] > 0) & (profiles.weights[second] > 0)
    base = profiles.above[first]
    return base, np.where(both, profiles.above[second] - base, 0)


def _along(profiles: Profiles, base: Floats, gain: Floats) -> Line:
    """Find where along a line the frames are, and how far from it."""
    size = np.sqrt(np.mean(gain**2, axis=-1, keepdims=True))
    gain = gain / np.where(size > 0, size, 1)
    weights = profiles.weights.T
    weighted = weights * profiles.above.T
    information = gain**2 @ weights
    along = gain @ weighted - (base * gain) @ weights
    drift = along / np.where(information > 0, information, np.inf)
    square = (weighted * profiles.above.T).sum(axis=0) - 2 * base @ weighted + base**2 @ weights
    misfit = np.maximum(square - drift * along, 0) / np.maximum(weights.sum(axis=0), _ROUNDING)
    return Line(base, gain, drift, misfit)
