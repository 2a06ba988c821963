"""Smoothing of the background's shape over time."""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.spline import Floats

MAD_TO_SIGMA = 1.4826
"""From the median absolute deviation to the standard deviation of a normal distribution."""
_FLASH_SIGMAS = 5.0
"""A frame further than this from what its neighbors say keeps its own background."""


def smooth_over_time(surfaces: Floats, window: int) -> Floats:
    """Smooth surfaces by a running median over frames, each frame keeping its own level.

    Near the ends the window shrinks symmetrically, so a drift stays a drift. A frame whose shape
    differs from the median of its neighbors by far more than frames usually do (Hampel's rule;
    Pearson, IEEE Trans. Control Syst. Technol. 10, 2002) keeps its own background: a flash does
    not leak, nor is it smoothed away.

    Parameters
    ----------
    surfaces
        ``(T, ny, nx)`` counts; NaN in missing frames, which stay so and are not counted.
    window
        Odd number of frames; 1 returns the surfaces as they are.
    """
    present = np.flatnonzero(~np.isnan(surfaces[:, 0, 0]))
    if window == 1 or not len(present):
        return surfaces
    own = surfaces[present]
    shapes = own - np.median(own, axis=(1, 2), keepdims=True)
    smooth = np.stack([_median_around(shapes, i, window // 2) for i in range(len(own))])
    smooth += np.median(own - smooth, axis=(1, 2), keepdims=True)
    flashes = _far(np.abs(own - smooth).max(axis=(1, 2)))
    smooth[flashes] = own[flashes]
    smoothed = surfaces.copy()
    smoothed[present] = smooth
    return smoothed


def _median_around(shapes: Floats, i: int, reach: int) -> Floats:
    reach = min(reach, i, len(shapes) - 1 - i)
    return np.asarray(np.median(shapes[i - reach : i + reach + 1], axis=0))


def _far(distance: Floats) -> NDArray[np.bool_]:
    usual = np.median(distance)
    sigma = MAD_TO_SIGMA * np.median(np.abs(distance - usual))
    return np.asarray(distance > usual + _FLASH_SIGMAS * sigma)
