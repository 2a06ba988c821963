"""Which way of evening out the illumination the data allow."""

from dataclasses import dataclass, replace

import numpy as np

from pyama_core.processing.correction.illumination import (
    Illumination,
    fit_illumination,
    fits_of,
    median_gain,
    typical_error,
    with_gain,
)
from pyama_core.processing.correction.outlying import FEWEST_FRAMES
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.correction.patches import PatchSeries
from pyama_core.processing.correction.regression import SurfaceRegression, ridge
from pyama_core.processing.correction.spline import Floats

_FEWEST_FRAMES = 3
"""Two frames always agree on a gain."""


def with_agreement(
    patches: PatchSeries, regression: SurfaceRegression, fitted: Illumination
) -> Illumination:
    """Return the pattern with errors of its gain that cover how far frames disagree on it."""
    if patches.typical.sum() < _FEWEST_FRAMES:
        return fitted
    inverse, scores = _information_and_scores(patches, regression, fitted)
    n = fitted.gain.size
    shares = scores @ inverse[n:].T
    covariances = fitted.noise**2 * inverse[n:, n:], shares.T @ shares
    shape = (fitted.base - fitted.level).ravel()
    shape /= max(float(np.linalg.norm(shape)), np.finfo(np.float64).tiny)
    along = [abs(float(shape @ covariance @ shape)) for covariance in covariances]
    return replace(
        fitted,
        gain_error=max(typical_error(covariance) for covariance in covariances),
        line_error=float(np.sqrt(max(along) / n)),
    )


def _information_and_scores(
    patches: PatchSeries, regression: SurfaceRegression, fitted: Illumination
) -> tuple[Floats, Floats]:
    """Return the inverse information on base and gain ``(2n, 2n)``, and each frame's pull on them.

    Pulls ``(T, 2n)`` are what the frame leaves, over the share of it that the fit has not followed.
    """
    grid = patches.pixels.shape[1:]
    sums, pulls = np.zeros((3, *grid)), []
    lever = _leverage(fitted.drift[patches.typical])
    for fit in fits_of(patches, regression, fitted):
        typical = fit.block.typical
        u, weights = fitted.drift[fit.block.at][typical], fit.weights[typical]
        sums += (np.stack([np.ones_like(u), u, u * u]) @ weights).reshape(3, *grid)
        left = regression.projection((weights * fit.rest[typical]).reshape(-1, *grid))
        pulls.append(np.concatenate([left, u[:, None] * left], axis=1))
    w, wu, wuu = (regression.information(weights) for weights in sums)
    rows = [
        [w + regression.penalty(w) + ridge(w), wu],
        [wu, wuu + regression.penalty(wuu) + ridge(w)],
    ]
    return np.linalg.inv(np.block(rows)), np.concatenate(pulls) / (1 - lever)[:, None]


def _leverage(drift: Floats) -> Floats:
    """Return how far a line through all frames follows each of them, below 1."""
    square = (drift - drift.mean()) ** 2
    followed = 1 / len(drift) + square / max(square.sum(), np.finfo(np.float64).tiny)
    return np.asarray(np.minimum(followed, 1 - 1e-9))


_SIGNIFICANT = 3.0
"""Standard errors from which an uneven gain tells the camera offset."""
_ROUNDING = 1e-9
"""A gain that is less uneven is so by nothing but rounding."""
_GLOW = 0.02
"""Share of the background light that cells coming up may add around them and pass for drift."""


@dataclass(frozen=True)
class _Line:
    """Gain over base: ``gain = 1 + slope * (base - level)``, so ``level - 1 / slope`` is dark.

    No camera reads less than 0 in the dark, which bounds the slope.
    """

    slope: float
    known: bool
    """Whether the slope is significantly above 0."""
    departure: float
    """Root mean square of the fitted gain about the line."""


def settle_gain(
    patches: PatchSeries, regression: SurfaceRegression, fitted: Illumination, offset: float
) -> tuple[Illumination, float]:
    """Draw the fitted gain towards the one that the base shows.

    Where all background light shares one pattern, the base is the camera offset plus the mean light
    times the gain. The base is known far better than the gain, so a line of the gain over the base
    gives a gain as sure as its single number, the slope. The fitted gain departs from that line
    only as far as the departure can be told from its error and from the glow of cells (shrinkage;
    Efron and Morris, J. Am. Stat. Assoc. 68, 1973).

    Parameters
    ----------
    offset
        Camera offset in counts; NaN to find it.

    Returns
    -------
    The pattern with the settled gain, and the camera offset; NaN where an even gain hides it.
    """
    line = _line(patches, regression, fitted, offset)
    if np.isnan(offset) and line.known:
        offset = fitted.level - 1 / line.slope
    light = 1 / line.slope if line.slope > 0 else abs(fitted.level)
    glow = _GLOW * light / fitted.span if fitted.span > 0 else np.inf
    doubt = fitted.gain_error**2 + glow**2
    real = max(line.departure**2 - doubt, 0.0)
    own = real / (real + doubt) if real else 0.0
    shown = 1 + line.slope * (fitted.base - fitted.level)
    error = np.hypot(own * fitted.gain_error, fitted.line_error)
    pattern = with_gain(patches, regression, fitted, shown + own * (fitted.gain - shown))
    return replace(pattern, gain_error=float(error)), offset


def _line(
    patches: PatchSeries, regression: SurfaceRegression, fitted: Illumination, offset: float
) -> _Line:
    seen = patches.pixels.sum(axis=0, dtype=np.float64)
    weights = seen / seen.sum()
    base = regression.at_patches(fitted.base) - fitted.level
    gain = regression.at_patches(fitted.gain) - 1
    variance = float((weights * base**2).sum())
    slope = float((weights * base * gain).sum() / variance) if variance > 0 else 0.0
    error = _SIGNIFICANT * fitted.line_error
    known = slope * np.sqrt(variance) > max(error, _ROUNDING)
    if known and fitted.level > offset:
        slope = 1 / (fitted.level - offset)
    elif known and fitted.level > 0:
        slope = max(slope, 1 / fitted.level)
    departure = float(np.sqrt((weights * (gain - slope * base) ** 2).sum()))
    return _Line(slope, known, departure)


"""Standard errors by which an uneven gain must differ from an even one."""
_UNEVEN = 0.005
"""A gain that varies by less is not worth dividing by."""
_DARKEST = 0.1
"""Part of its mean to which no illumination falls: where there is no light, rounding errors do."""


@dataclass(frozen=True)
class Choice:
    """A method with the pattern it rests on."""

    method: str
    reason: str
    pattern: Illumination | None
    """None for plain tiles."""
    camera_offset: float
    """Counts; NaN where unknown."""
    notes: tuple[str, ...] = ()


def choose(params: CorrectionParams, patches: PatchSeries, regression: SurfaceRegression) -> Choice:
    """Take the method asked for, or with ``auto`` the best one that the data carry.

    A regression needs a background that changes over time; the median gain needs background
    light that is uneven beyond its error; else the background is only subtracted.
    """
    given = np.nan if params.camera_offset is None else params.camera_offset
    auto = params.method == "auto"
    if params.method == "tiles":
        return Choice("tiles", "asked for", None, given)
    if not patches.pixels.any():
        return Choice("tiles", "no frame has cell-free pixels", None, given)
    fitted = with_agreement(patches, regression, fit_illumination(patches, regression))
    slopes, offset = settle_gain(patches, regression, fitted, given)
    n_frames = int(patches.pixels.any(axis=(1, 2)).sum())
    no_slope = _against_regression(params, slopes, n_frames)
    if params.method == "regression_gain" or (auto and not no_slope):
        reason = f"the background {_change(slopes)}: gain known to {100 * slopes.gain_error:.2f} %"
        return _chosen("regression_gain", auto, reason, no_slope, slopes, offset)
    gain, error = median_gain(patches, regression, slopes, float(np.nan_to_num(given)))
    no_median = _against_median(params, regression.at_patches(gain), error)
    if auto and no_median:
        return Choice("tiles", f"{no_slope}, and {no_median}", None, given)
    pattern = with_gain(patches, regression, slopes, gain)
    dark = " where the camera reads 0 without light" if np.isnan(given) else ""
    known = f"gives the gain to {100 * error:.2f} %{dark}"
    reason = f"{no_slope}; the background's own pattern {known}"
    return _chosen("median_gain", auto, reason, no_median, pattern, given)


def _chosen(
    method: str, auto: bool, reason: str, doubt: str, pattern: Illumination, offset: float
) -> Choice:
    notes = [] if auto or not doubt else [f"{method} was asked for, but {doubt}."]
    if method == "median_gain" and np.isnan(offset):
        notes.append(
            "The gain is flatter than the illumination as far as the camera reads more than 0 "
            "without light: set correction.camera_offset."
        )
    return Choice(method, reason if auto else "asked for", pattern, offset, tuple(notes))


def _against_regression(params: CorrectionParams, slopes: Illumination, n_frames: int) -> str:
    if n_frames < FEWEST_FRAMES:
        return f"a regression needs {FEWEST_FRAMES} frames to see whether one is off"
    if slopes.span <= params.least_drift * abs(slopes.level):
        return f"the background {_change(slopes)}, too little for a regression"
    if slopes.gain_error > 1:
        return "the frames do not agree on a gain"
    if slopes.gain_error > params.gain_precision:
        return f"a regression gives the gain to {100 * slopes.gain_error:.1f} % only"
    return ""


def _against_median(params: CorrectionParams, gain: Floats, error: float) -> str:
    if error > params.gain_precision:
        return f"its pattern is too faint for a gain (known to {100 * error:.1f} % only)"
    if gain.min() < _DARKEST:
        return f"its pattern falls to {gain.min():.2g} of its mean, as no illumination does"
    uneven = float(np.sqrt(np.mean((gain - 1) ** 2)))
    if uneven < max(_SIGNIFICANT * error, _UNEVEN):
        return f"its pattern is even ({100 * uneven:.2f} %, known to {100 * error:.2f} %)"
    return ""


def _change(slopes: Illumination) -> str:
    return f"changes by {slopes.span:.3g} of {slopes.level:.4g} counts over time"
