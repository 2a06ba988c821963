"""Background light as a fixed pattern that goes up and down.

The background of frame t at place x is modeled as ``base(x) + drift(t) * gain(x)``, after
Schwarzfischer et al., "Efficient fluorescence image normalization for time lapse movies" (2011),
who regress the background on its mean over the field. Here base, gain and drift are fitted to the
medians of all small patches of all frames at once: what hides under cells in one frame is learned
from the others, a patch counts where it lies rather than at the center of a large tile, and
nothing has to be extrapolated from a single frame. Patches that do not fit, such as unnoticed
cells, are weighted down by Tukey's biweight (Beaton and Tukey, Technometrics 16, 1974).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.patches import PatchBlock, PatchSeries, noise_of
from pyama_core.processing.correction.regression import SurfaceRegression, ridge
from pyama_core.processing.correction.spline import Floats

_BIWEIGHT = 4.685
"""Tuning constant with 95 % efficiency for normal noise."""
_LEAST_ROUNDS, _MOST_ROUNDS = 2, 12
_SETTLED = 1e-2
"""Change of a level, in counts, at which the fit is done."""
_ROUNDING = 1e-9
"""Noise relative to the level that is nothing but rounding."""
_TO_MEDIAN_ERROR = 1.2533
"""Standard error of a median over that of a mean, for normal noise."""


@dataclass(frozen=True)
class Illumination:
    """The fitted pattern."""

    base: Floats
    """``(ny, nx)`` node values of the background at drift 0, counts."""
    gain: Floats
    """``(ny, nx)`` node values of the gain; its mean over the frame is 1."""
    gain_error: float
    """Typical standard error of the gain at a node."""
    line_error: float
    """Standard error of the gain's share of the base's pattern, as root mean square over nodes."""
    drift: Floats
    """``(T,)`` level of each frame's background less the mean level, counts; 0 where not seen."""
    span: float
    """How far the drift of typical frames goes, counts."""
    level: float
    """Mean of the background over field and frames, counts."""
    noise: float
    """Standard deviation of a background pixel, counts."""


@dataclass(frozen=True)
class PatternAtPatches:
    """A pattern evaluated at the centers of the patches."""

    base: Floats
    gain: Floats
    """``(patches,)``."""
    base_slopes: Floats
    gain_slopes: Floats
    """``(2, patches)`` along y and x, per px."""

    @classmethod
    def of(cls, pattern: "Illumination", regression: SurfaceRegression) -> Self:
        """Evaluate a pattern."""
        return cls(
            regression.at_patches(pattern.base).ravel(),
            regression.at_patches(pattern.gain).ravel(),
            regression.slopes_at_patches(pattern.base).reshape(2, -1),
            regression.slopes_at_patches(pattern.gain).reshape(2, -1),
        )

    def above_base(self, block: PatchBlock, drift: Floats) -> Floats:
        """Medians less the base, moved from where the free pixels lie to the patch centers."""
        above = block.medians - self.base
        for shift, base, gain in zip(block.shifts, self.base_slopes, self.gain_slopes, strict=True):
            above -= shift * (base + drift[block.at, None] * gain)
        return above


@dataclass(frozen=True)
class PatternFit:
    """A pattern fitted to the patches of a few frames, everything ``(frames, patches)``."""

    block: PatchBlock
    above: Floats
    """Medians less the base."""
    rest: Floats
    """Medians less base and drift."""
    weights: Floats
    """How much each median counts: its pixels, less where it does not fit."""
    drift: Floats
    """``(frames,)`` counts."""

    def noise(self) -> list[float]:
        """Return the standard deviation of a pixel in the typical frames, if there are any."""
        typical = self.block.typical
        return [noise_of(self.rest[typical], self.block.pixels[typical])] if typical.any() else []


@dataclass(frozen=True)
class _Moments:
    """Weighted sums over frames, per patch: powers of the drift, without and with the medians.

    The medians count from the level before, which is where the ridge then holds the base.
    """

    drift: tuple[Floats, Floats, Floats]
    medians: tuple[Floats, Floats]


def fit_illumination(patches: PatchSeries, regression: SurfaceRegression) -> Illumination:
    """Fit base, gain and drift; where a single frame is seen the gain stays at 1."""
    state = _start(patches, regression)
    single = int(patches.typical.sum()) <= 1
    for _ in range(_LEAST_ROUNDS):
        state = _round(patches, regression, state, fixed=single)
    return _settled(patches, regression, state, fixed=single)


def with_gain(
    patches: PatchSeries, regression: SurfaceRegression, fitted: Illumination, gain: Floats
) -> Illumination:
    """Fit base and drift anew for a given gain, its node values ``(ny, nx)`` with mean 1."""
    return _settled(patches, regression, replace(fitted, gain=gain), fixed=True)


def median_gain(
    patches: PatchSeries, regression: SurfaceRegression, state: Illumination, offset: float
) -> tuple[Floats, float]:
    """Take as gain the median over time of the background over its mean, less the camera offset.

    Schwarzfischer et al. (2011), with the camera offset taken off both.

    Returns
    -------
    Node values ``(ny, nx)`` with mean 1 over the frame, and their typical standard error.
    """
    levels = state.level + state.drift - offset
    lit = patches.typical & (levels > _ROUNDING * abs(state.level))
    if not lit.any():
        return np.ones(regression.nodes), np.inf
    light = _at_centers(patches, regression, state)[lit] - np.float32(offset)
    rows = range(light.shape[1])
    seen_in = patches.pixels[lit] > 0
    ratios = np.stack([_median_ratio(light[:, i], seen_in[:, i], levels[lit]) for i in rows])
    seen = patches.pixels[lit].sum(axis=0, dtype=np.float64)
    information = regression.information(seen)
    nodes, covariance = regression.solve(information, regression.projection(seen * ratios))
    error = _TO_MEDIAN_ERROR * state.noise * typical_error(covariance) / levels[lit].mean()
    mean = regression.surface.mean(nodes)
    return nodes / mean, error / mean


def _settled(
    patches: PatchSeries, regression: SurfaceRegression, state: Illumination, fixed: bool
) -> Illumination:
    for _ in range(_MOST_ROUNDS):
        before = state.drift
        state = _round(patches, regression, state, fixed)
        if np.abs(state.drift - before).max() < _SETTLED:
            break
    return state


def _start(patches: PatchSeries, regression: SurfaceRegression) -> Illumination:
    pixels = patches.pixels[patches.typical]
    total = float((patches.medians[patches.typical] * pixels).sum(dtype=np.float64))
    level = total / max(int(pixels.sum()), 1)
    flat = np.ones(regression.nodes)
    drift = np.zeros(len(patches.pixels))
    return Illumination(level * flat, flat, 0.0, 0.0, drift, 0.0, level, np.inf)


def _round(
    patches: PatchSeries, regression: SurfaceRegression, state: Illumination, fixed: bool
) -> Illumination:
    moments, drift, noise = _sum_up(patches, regression, state)
    if fixed:
        base, gain, error = _solve_base(regression, moments, state.gain), state.gain, 0.0
    else:
        base, gain, error = _solve(regression, moments)
    scale = regression.surface.mean(gain)
    gain, drift = gain / scale, drift * scale
    seen = drift[patches.typical]
    base = base + state.level + seen.mean() * gain
    level, span = regression.surface.mean(base), float(np.ptp(seen))
    error *= noise / scale
    line_error = error / np.sqrt(gain.size)
    return Illumination(base, gain, error, line_error, drift - seen.mean(), span, level, noise)


def _sum_up(
    patches: PatchSeries, regression: SurfaceRegression, state: Illumination
) -> tuple[_Moments, Floats, float]:
    """Find each frame's drift under the present pattern, and sum over the typical frames."""
    drift, noises = np.empty_like(state.drift), []
    sums = np.zeros((5, patches.pixels[0].size))
    base = regression.at_patches(state.base).ravel() - state.level
    for fit in fits_of(patches, regression, state):
        u, block = fit.drift, fit.block
        drift[block.at] = u
        noises += fit.noise()
        weights = fit.weights * block.typical[:, None]
        powers = np.stack([np.ones_like(u), u, u * u])
        sums[:3] += powers @ weights
        sums[3:] += powers[:2] @ (weights * (fit.above + base))
    grid = sums.reshape(5, *patches.pixels.shape[1:])
    moments = _Moments((grid[0], grid[1], grid[2]), (grid[3], grid[4]))
    return moments, drift, float(np.median(noises))


def fits_of(
    patches: PatchSeries, regression: SurfaceRegression, state: Illumination
) -> Iterator[PatternFit]:
    """Fit the drift of every frame to a pattern, a few frames at a time."""
    pattern = PatternAtPatches.of(state, regression)
    noise = max(state.noise, _ROUNDING * abs(state.level))
    for block in patches.blocks():
        above = pattern.above_base(block, state.drift)
        left = (above - state.drift[block.at, None] * pattern.gain) * np.sqrt(block.pixels)
        weights = block.pixels * trust(left, _noise_by_frame(left, block, noise))
        drift = _slopes(above, pattern.gain, weights)
        yield PatternFit(block, above, above - drift[:, None] * pattern.gain, weights, drift)


def _noise_by_frame(left: Floats, block: PatchBlock, noise: float) -> Floats:
    """Return what a pattern usually leaves of a pixel, by frame ``(frames, 1)``.

    Of an outlying frame nearly all would be distrusted otherwise.
    """
    noises = np.full((len(left), 1), noise)
    for i in np.flatnonzero(~block.typical):
        noises[i] = max(noise, noise_of(left[i], np.ones_like(left[i])))
    return noises


def trust(left: Floats, noise: Floats) -> Floats:
    """Tukey's biweight of what a pattern leaves; ones where the noise is not known."""
    known = np.isfinite(noise) & (noise > 0)
    share = np.where(known, left, 0) / np.where(known, _BIWEIGHT * noise, 1)
    trust = np.maximum(1 - np.square(share), 0.0)
    return np.asarray(trust * trust)


def _slopes(above: Floats, gain: Floats, weights: Floats) -> Floats:
    information = weights @ (gain * gain)
    return np.asarray(((weights * above) @ gain) / np.where(information > 0, information, np.inf))


def _solve(regression: SurfaceRegression, moments: _Moments) -> tuple[Floats, Floats, float]:
    """Solve for base and gain together; gives also the gain's typical error for unit noise.

    Unknown is the gain less 1, so that without any drift the ridge leaves it at 1.
    """
    w, wu, wuu = (regression.information(weights) for weights in moments.drift)
    _, du, duu = moments.drift
    right = np.concatenate(
        [
            regression.projection(moments.medians[0] - du),
            regression.projection(moments.medians[1] - duu),
        ]
    )
    left = np.block([[w + regression.penalty(w), wu], [wu, wuu + regression.penalty(wuu)]])
    n = len(w)
    left[:n, :n] += ridge(w)
    left[n:, n:] += ridge(w)
    inverse = np.linalg.inv(left)
    solution = inverse @ right
    base, above_one = solution[:n], solution[n:]
    error = typical_error(inverse[n:, n:])
    return base.reshape(regression.nodes), 1 + above_one.reshape(regression.nodes), error


def _solve_base(regression: SurfaceRegression, moments: _Moments, gain: Floats) -> Floats:
    above = moments.medians[0] - moments.drift[1] * regression.at_patches(gain)
    information = regression.information(moments.drift[0])
    return regression.solve(information, regression.projection(above))[0]


def typical_error(covariance: Floats) -> float:
    """Take the median node's; variances that rounding made negative are large ones."""
    return float(np.sqrt(np.median(np.abs(np.diag(covariance)))))


def _at_centers(
    patches: PatchSeries, regression: SurfaceRegression, state: Illumination
) -> NDArray[np.float32]:
    """Medians of all frames moved to the patch centers, ``(T, py, px)``."""
    pattern = PatternAtPatches.of(state, regression)
    moved = np.empty_like(patches.medians)
    for block in patches.blocks():
        centered = pattern.above_base(block, state.drift) + pattern.base
        moved[block.at] = centered.reshape(-1, *moved.shape[1:])
    return moved


def _median_ratio(light: NDArray[np.float32], seen: NDArray[np.bool_], levels: Floats) -> Floats:
    """Median over frames of one row of patches over their levels, ``(px,)``; 1 where unseen."""
    ratios = np.sort(np.where(seen, light / levels[:, None], np.nan), axis=0)
    n = np.count_nonzero(seen, axis=0)
    columns = np.arange(len(n))
    lower = ratios[np.maximum(n - 1, 0) // 2, columns]
    upper = ratios[np.minimum(n // 2, len(ratios) - 1), columns]
    return np.where(n > 0, (lower + upper) / 2, 1.0)
