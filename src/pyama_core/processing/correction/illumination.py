"""Background light as a fixed pattern that goes up and down.

The background of frame t at place x is modelled as ``base(x) + drift(t) * gain(x)``, after
Schwarzfischer et al., "Efficient fluorescence image normalization for time lapse movies" (2011),
who regress the background on its mean over the field. Here base, gain and drift are fitted to the
medians of all small patches of all frames at once: what hides under cells in one frame is learned
from the others, a patch counts where it lies rather than at the center of a large tile, and
nothing has to be extrapolated from a single frame. Patches that do not fit, such as unnoticed
cells, are weighted down by Tukey's biweight (Beaton and Tukey, Technometrics 16, 1974).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.patches import PatchSeries, noise_of
from pyama_core.processing.correction.regression import SurfaceRegression, ridge
from pyama_core.processing.correction.spline import Floats

_BIWEIGHT = 4.685
"""Tuning constant with 95 % efficiency for normal noise."""
_ROUNDS = 12
_SETTLED = 1e-3
"""Change of a level, in counts, at which the fit is done."""
_EVEN = 1e-6
"""A gain that varies by less is even."""
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
    drift: Floats
    """``(T,)`` level of each frame's background less the mean level, counts; 0 where not seen."""
    level: float
    """Mean of the background over field and frames, counts."""
    noise: float
    """Standard deviation of a background pixel, counts."""


@dataclass(frozen=True)
class _Moments:
    """Weighted sums over frames, per patch: powers of the drift, without and with the medians."""

    drift: tuple[Floats, Floats, Floats]
    medians: tuple[Floats, Floats]


def fit_illumination(
    patches: PatchSeries, regression: SurfaceRegression, gain: Floats | None = None
) -> Illumination:
    """Fit base and drift, and the gain too unless its node values ``(ny, nx)`` are given."""
    state = _start(patches, regression, gain)
    for _ in range(_ROUNDS):
        before = state.drift
        state = _round(patches, regression, state, fixed=gain is not None)
        if np.abs(state.drift - before).max() < _SETTLED:
            break
    return state


def median_gain(
    patches: PatchSeries, regression: SurfaceRegression, state: Illumination, offset: float
) -> tuple[Floats, float]:
    """Gain as the median over time of the background over its mean, less the camera offset.

    Returns
    -------
    Node values ``(ny, nx)`` with mean 1 over the frame, and their typical standard error.
    """
    levels = state.level + state.drift - offset
    lit = levels > 0
    if not lit.any():
        return np.ones(regression.nodes), np.inf
    ratios = np.stack(
        [
            _median_ratio(patches.medians[lit, i], patches.pixels[lit, i], offset, levels[lit])
            for i in range(patches.pixels.shape[1])
        ]
    )
    seen = patches.pixels[lit].sum(axis=0, dtype=np.float64)
    information = regression.information(seen)
    nodes, covariance = regression.solve(information, regression.projection(seen * ratios))
    error = _TO_MEDIAN_ERROR * state.noise * _typical_error(covariance) / levels[lit].mean()
    mean = regression.surface.mean(nodes)
    return nodes / mean, error / mean


def camera_offset(regression: SurfaceRegression, state: Illumination) -> float:
    """Extrapolate the base to where the gain is zero, counts; NaN where the gain is even.

    The base is the camera offset plus the mean light times the gain, so it is a line over the
    gain and the offset its intercept.
    """
    gain = regression.at_patches(state.gain).ravel()
    if gain.std() <= 3 * state.gain_error or np.ptp(gain) < _EVEN:
        return np.nan
    slope, intercept = np.polyfit(gain, regression.at_patches(state.base).ravel(), 1)
    return float(intercept) if slope > 0 else np.nan


def _start(
    patches: PatchSeries, regression: SurfaceRegression, gain: Floats | None
) -> Illumination:
    pixels = patches.pixels
    level = float((patches.medians * pixels).sum(dtype=np.float64) / max(pixels.sum(), 1))
    flat = np.ones(regression.nodes)
    drift = np.full(len(pixels), np.inf)
    return Illumination(level * flat, flat if gain is None else gain, 0.0, drift, level, np.inf)


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
    center = drift.mean()
    base = base + center * gain
    level = regression.surface.mean(base)
    return Illumination(base, gain, noise * error / scale, drift - center, level, noise)


def _sum_up(
    patches: PatchSeries, regression: SurfaceRegression, state: Illumination
) -> tuple[_Moments, Floats, float]:
    """Find each frame's drift under the present pattern, and sum over frames."""
    base = regression.at_patches(state.base).ravel()
    gain = regression.at_patches(state.gain).ravel()
    drift, noises = np.empty_like(state.drift), []
    sums = np.zeros((5, len(base)))
    for at, medians, pixels in patches.blocks():
        above = medians - base
        weights = pixels * _trust(above, gain, pixels, state, at)
        drift[at] = u = _slopes(above, gain, weights)
        noises.append(noise_of(above - u[:, None] * gain, pixels))
        powers = np.stack([np.ones_like(u), u, u * u])
        sums[:3] += powers @ weights
        sums[3:] += powers[:2] @ (weights * medians)
    grid = sums.reshape(5, *patches.pixels.shape[1:])
    return (
        _Moments((grid[0], grid[1], grid[2]), (grid[3], grid[4])),
        drift,
        float(np.median(noises)),
    )


def _trust(above: Floats, gain: Floats, pixels: Floats, state: Illumination, at: slice) -> Floats:
    """Tukey's biweight of every patch under the present pattern; ones before there is any."""
    if not np.isfinite(state.noise) or state.noise == 0:
        return np.ones_like(above)
    far = (above - state.drift[at, None] * gain) * np.sqrt(pixels) / (_BIWEIGHT * state.noise)
    return np.square(np.maximum(1 - far * far, 0.0))


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
    error = _typical_error(inverse[n:, n:])
    return base.reshape(regression.nodes), 1 + above_one.reshape(regression.nodes), error


def _solve_base(regression: SurfaceRegression, moments: _Moments, gain: Floats) -> Floats:
    above = moments.medians[0] - moments.drift[1] * regression.at_patches(gain)
    information = regression.information(moments.drift[0])
    return regression.solve(information, regression.projection(above))[0]


def _typical_error(covariance: Floats) -> float:
    return float(np.sqrt(np.median(np.diag(covariance))))


def _median_ratio(
    medians: NDArray[np.float32], pixels: NDArray[np.int32], offset: float, levels: Floats
) -> Floats:
    """Median over frames of one row of patches over their levels, ``(px,)``; 1 where unseen."""
    above = np.where(pixels > 0, medians - offset, np.nan)
    ratios = np.sort(above / levels[:, None], axis=0)
    n = np.count_nonzero(pixels > 0, axis=0)
    columns = np.arange(len(n))
    lower, upper = (
        ratios[np.maximum(n - 1, 0) // 2, columns],
        ratios[np.minimum(n // 2, len(ratios) - 1), columns],
    )
    return np.where(n > 0, (lower + upper) / 2, 1.0)
