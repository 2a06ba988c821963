"""How well a background fits, and what a user should know of it."""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.illumination import Illumination
from pyama_core.processing.correction.middle import median_of_greatest
from pyama_core.processing.correction.observation import PixelSample
from pyama_core.processing.correction.outlying import departure
from pyama_core.processing.correction.patches import PatchSeries
from pyama_core.processing.correction.spline import Floats, SplineSurface

_TOO_MANY_FULL = 0.25
"""Share of tiles without background from which a user should know."""
_DARK = 0.1
"""Share of the usual background light below which a frame is dark."""
_SUDDEN = 3.0
"""The lit frames next to a dark one have so many times that light; else the light fades."""


def residual_background(
    pixels: PixelSample, spline: SplineSurface, surfaces: Floats, gain: Floats | None
) -> float:
    """Median over sampled cell-free pixels of all frames of the corrected image, counts.

    NaN where there are none.
    """
    y = spline.y.weights(pixels.rows.astype(np.float64))
    x = spline.x.weights(pixels.columns.astype(np.float64))
    per_gain = 1.0 if gain is None else 1 / (y @ gain @ x.T)
    left = [
        ((values - y @ surface @ x.T) * per_gain)[~np.isnan(values)]
        for values, surface in zip(pixels.values, surfaces, strict=True)
    ]
    together = np.concatenate(left)
    return median_of_greatest(together, len(together))


def full_tiles_note(tiles: Floats) -> list[str]:
    """Say so when too many tiles ``(T, ny, nx)`` are all cells; NaN marks them."""
    share = float(np.isnan(tiles).mean()) if tiles.size else 0.0
    if share <= _TOO_MANY_FULL:
        return []
    return [
        f"{100 * share:.0f} % of the background tiles are all cells: their background is filled "
        "in. A larger correction.spatial_window or a smaller correction.mask_margin leaves fewer."
    ]


def outlying_note(patches: PatchSeries) -> list[str]:
    """Name the frames from which the gain is not learned."""
    if not patches.outlying.any():
        return []
    few = patches.outlying.sum() == 1
    are, their = ("Frame {} is", "its") if few else ("Frames {} are", "their")
    return [
        f"{are.format(ranges(patches.outlying))} left out of the gain: {their} background departs "
        f"by up to {departure(patches):.3g} counts from what the other frames show, as with a "
        "flash, a closed shutter, or saturated or cut images. Look at the raw images."
    ]


def dark_note(pattern: Illumination | None, patches: PatchSeries, offset: float) -> list[str]:
    """Name frames without light, which agree with any gain; a background may also bleach away."""
    if pattern is None or np.isnan(offset):
        return []
    light = pattern.level + pattern.drift - offset
    least = _DARK * float(np.median(light[patches.typical]))
    lit, dark = (np.flatnonzero(patches.typical & side) for side in (light > least, light <= least))
    sudden = np.zeros_like(patches.outlying)
    if len(lit):
        sudden[dark] = np.interp(dark, lit, light[lit]) > _SUDDEN * least
    if not sudden.any():
        return []
    are = "Frame {} is" if sudden.sum() == 1 else "Frames {} are"
    return [
        f"{are.format(ranges(sudden))} dark: the background is at {offset:.4g} counts, where the "
        "camera is without light. Look at the raw images."
    ]


def ranges(chosen: NDArray[np.bool_]) -> str:
    """Write the chosen frames as ranges, such as ``0-3, 7``."""
    edges = np.flatnonzero(np.diff(np.pad(chosen.astype(np.int8), 1)))
    runs = zip(edges[::2], edges[1::2] - 1, strict=True)
    return ", ".join(f"{start}-{end}" if start < end else f"{start}" for start, end in runs)
