"""Which way of evening out the illumination the data allow."""

from dataclasses import dataclass

import numpy as np

from pyama_core.processing.correction.illumination import (
    Illumination,
    fit_illumination,
    median_gain,
    with_gain,
)
from pyama_core.processing.correction.outlying import FEWEST_FRAMES
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.correction.patches import PatchSeries
from pyama_core.processing.correction.precision import with_agreement
from pyama_core.processing.correction.regression import SurfaceRegression
from pyama_core.processing.correction.settling import settle_gain
from pyama_core.processing.correction.spline import Floats

_SIGNIFICANT = 3.0
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
