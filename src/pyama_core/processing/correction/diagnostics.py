"""How well a background fits, and what a user should know of it."""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.patches import PatchSeries
from pyama_core.processing.correction.spline import Floats, SplineSurface

_TOO_MANY_FULL = 0.25
"""Share of tiles without background from which a user should know."""


def residual_background(
    patches: PatchSeries, spline: SplineSurface, surfaces: Floats, gain: Floats | None
) -> float:
    """Median over cell-free patches of all frames of what the correction leaves there, counts.

    Every patch counts by its cell-free pixels. NaN where there is none.
    """
    y, x = (
        axis.weights(at) for axis, at in zip((spline.y, spline.x), patches.centers, strict=True)
    )
    per_gain = 1.0 if gain is None else 1 / (y @ gain @ x.T).ravel()
    left, counts = [], []
    for at, medians, pixels in patches.blocks():
        surface = (y @ surfaces[at] @ x.T).reshape(len(medians), -1)
        seen = pixels > 0
        left.append(((medians - surface) * per_gain)[seen])
        counts.append(pixels[seen])
    return _weighted_median(np.concatenate(left), np.concatenate(counts))


def full_tiles_note(tiles: Floats) -> list[str]:
    """Say so when too many tiles ``(T, ny, nx)`` are all cells; NaN marks them."""
    share = float(np.isnan(tiles).mean()) if tiles.size else 0.0
    if share <= _TOO_MANY_FULL:
        return []
    return [
        f"{share:.0%} of the background tiles are all cells: their background is filled in. "
        "A larger correction.spatial_window or a smaller correction.mask_margin leaves fewer."
    ]


def _weighted_median(values: Floats, weights: NDArray[np.float64]) -> float:
    if not len(values):
        return np.nan
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])
