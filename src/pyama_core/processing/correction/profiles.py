"""The background of every frame in a few blocks of the field: enough to compare whole frames."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.medians import median_of_known
from pyama_core.processing.correction.patches import PatchSeries
from pyama_core.processing.correction.spline import Floats

_BLOCKS = 6
"""Blocks along an axis: few enough that each holds cell-free patches in nearly every frame."""
_MOST_SAMPLED = 64
"""Frames from which the usual background of the patches is learned."""


@dataclass(frozen=True)
class Profiles:
    """How far the blocks of each frame are above what they usually show."""

    above: Floats
    """``(T, blocks)`` counts; 0 where unknown."""
    weights: Floats
    """``(T, blocks)`` share of a block's patches that are seen; 0 where it is all cells."""
    usual: Floats
    """``(blocks,)`` usual background, counts."""
    centers: Floats
    """``(2, blocks)`` along y and x, from -1 to 1."""

    @classmethod
    def of(cls, patches: PatchSeries) -> Self:
        """Sum up patches; each counts from its own usual background.

        Otherwise a block would seem to change as cells cover its brighter or its darker part.
        """
        medians = np.where(patches.pixels > 0, patches.medians, np.float32(np.nan))
        usual = _usual_background(medians)
        blocks = _blocks(medians - usual)
        weights = np.stack([(~np.isnan(block)).mean(axis=1) for block in blocks], axis=1)
        values = np.stack([median_of_known(block) for block in blocks], axis=1)
        y, x = (np.linspace(-1, 1, min(_BLOCKS, n)) for n in usual.shape)
        return cls(
            np.where(weights > 0, values, 0).astype(np.float64),
            weights,
            np.array([block.mean(dtype=np.float64) for block in _blocks(usual[None])]),
            np.stack([axis.ravel() for axis in np.meshgrid(y, x, indexing="ij")]),
        )

    def at(self, frames: NDArray[Any]) -> "Profiles":
        """Return the profiles of some frames."""
        return Profiles(self.above[frames], self.weights[frames], self.usual, self.centers)

    @property
    def levels(self) -> Floats:
        """``(T,)`` background above the usual; NaN where all is cells."""
        known = np.where(self.weights > 0, self.above, np.nan)
        return np.asarray(median_of_known(known), dtype=np.float64)


def _usual_background(medians: NDArray[np.float32]) -> NDArray[np.float32]:
    """Find the usual background ``(py, px)`` of patches ``(T, py, px)``; 0 where never seen.

    A patch is compared with its own frame's level, so that it does not matter in which frames it
    is seen.
    """
    n_sampled = min(_MOST_SAMPLED, len(medians))
    some = medians[np.linspace(0, len(medians) - 1, n_sampled).astype(np.int64)]
    usual = np.zeros(medians.shape[1:], np.float32)
    for _ in range(2):
        levels = median_of_known((some - usual).reshape(len(some), -1))
        levels = np.nan_to_num(levels - np.nan_to_num(median_of_known(levels)))
        above = np.moveaxis(some - levels[:, None, None], 0, -1)
        usual = np.nan_to_num(median_of_known(above)).astype(np.float32)
    return usual


def _blocks(patches: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Cut ``(T, py, px)`` into blocks, each ``(T, patches)``, row by row."""
    rows = np.array_split(patches, min(_BLOCKS, patches.shape[1]), axis=1)
    return [
        block.reshape(len(patches), -1)
        for row in rows
        for block in np.array_split(row, min(_BLOCKS, row.shape[2]), axis=2)
    ]


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
