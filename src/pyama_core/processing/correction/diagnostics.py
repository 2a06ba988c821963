"""How well a background fits, and what a user should know of it."""

import numpy as np

from pyama_core.processing.correction.middle import median_of_greatest
from pyama_core.processing.correction.observation import PixelSample
from pyama_core.processing.correction.spline import Floats, SplineSurface

_TOO_MANY_FULL = 0.25
"""Share of tiles without background from which a user should know."""


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
