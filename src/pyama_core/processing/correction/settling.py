"""The gain of a regression, made surer by what the base says of it."""

from dataclasses import dataclass, replace

import numpy as np

from pyama_core.processing.correction.illumination import Illumination, with_gain
from pyama_core.processing.correction.patches import PatchSeries
from pyama_core.processing.correction.regression import SurfaceRegression

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
