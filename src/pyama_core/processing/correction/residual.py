"""What a frame's background has beyond the common pattern, tile by tile."""

import numpy as np

from pyama_core.processing.correction.illumination import Illumination, PatternAtPatches, trust
from pyama_core.processing.correction.medians import median_of_known
from pyama_core.processing.correction.patches import PatchSeries, noise_of
from pyama_core.processing.correction.regression import SurfaceRegression
from pyama_core.processing.correction.spline import Floats
from pyama_core.processing.correction.tiles import Division, fill_from_neighbors

_MEDIAN_VARIANCE = np.pi / 2
"""Variance of a median over that of a mean, for normal noise."""
_ROUNDS = 4
"""Rounds of weighting down what does not fit."""
_TILES_PER_FREE = 4
"""Tiles overlap by half both ways, so only a quarter of them are independent."""


def local_background(
    patches: PatchSeries,
    regression: SurfaceRegression,
    pattern: Illumination,
    divisions: tuple[Division, Division],
) -> Floats:
    """Median deviation from the common pattern in each tile of each frame, ``(T, ny, nx)`` counts.

    Deviations are shrunk by how far they can be told from noise in their frame (James and Stein;
    Efron and Morris, J. Am. Stat. Assoc. 68, 1973): where the pattern says it all, they vanish.
    """
    at_patches = PatternAtPatches.of(pattern, regression)
    shape = patches.pixels.shape[1:]
    found = np.zeros((len(patches.pixels), divisions[0].n_tiles, divisions[1].n_tiles))
    for block in patches.blocks():
        above = at_patches.above_base(block, pattern.drift)
        rest = above - pattern.drift[block.at, None] * at_patches.gain
        rest[block.pixels == 0] = np.nan
        grid, pixels = rest.reshape(-1, *shape), block.pixels.reshape(-1, *shape)
        found[block.at] = _tile_deviations(grid, pixels, divisions, pattern.noise)
    return found


def own_background(
    patches: PatchSeries, regression: SurfaceRegression, pattern: Illumination
) -> Floats:
    """Background of each outlying frame above the base, ``(frames, ny, nx)`` at nodes, counts.

    It need not be like the pattern, so a smooth surface is fitted to the frame alone.
    """
    at_patches = PatternAtPatches.of(pattern, regression)
    shape = patches.pixels.shape[1:]
    own = [
        _robust_surface(regression, above.reshape(shape), pixels.reshape(shape))
        for block in patches.blocks()
        for above, pixels, typical in zip(
            at_patches.above_base(block, pattern.drift), block.pixels, block.typical, strict=True
        )
        if not typical and pixels.any()
    ]
    return np.array(own).reshape(-1, *regression.nodes)


def _robust_surface(regression: SurfaceRegression, above: Floats, pixels: Floats) -> Floats:
    """Fit a surface to patches, of which some may be unnoticed cells."""
    seen, weights = (pixels > 0).astype(np.float64), pixels
    for _ in range(_ROUNDS):
        information = regression.information(weights)
        nodes, _ = regression.solve(information, regression.projection(weights * above))
        left = (above - regression.at_patches(nodes)) * np.sqrt(pixels)
        weights = pixels * trust(left, np.asarray(noise_of(left, seen)))
    return nodes


def _tile_deviations(
    rest: Floats, pixels: Floats, divisions: tuple[Division, Division], noise: float
) -> Floats:
    medians = median_of_known(_by_tile(rest, divisions))
    seen = _by_tile(pixels, divisions).sum(axis=-1)
    variance = _MEDIAN_VARIANCE * noise**2 / np.maximum(seen, 1)
    return _shrunk(medians, variance)


def _by_tile(patches: Floats, divisions: tuple[Division, Division]) -> Floats:
    """Collect the patches ``(T, py, px)`` of each tile, ``(T, ny, nx, patches of a tile)``."""
    half_y, half_x = (division.patches_per_half for division in divisions)
    windows = np.lib.stride_tricks.sliding_window_view(
        patches, (2 * half_y, 2 * half_x), axis=(1, 2)
    )[:, ::half_y, ::half_x]
    return windows.reshape(*windows.shape[:3], -1)


def _shrunk(deviations: Floats, variance: Floats) -> Floats:
    """Shrink the deviations of each frame, ``(T, ny, nx)``, by what of them is no noise."""
    known = ~np.isnan(deviations)
    n_known = np.maximum(known.sum(axis=(1, 2)), 1)
    excess = np.where(known, deviations**2 - variance, 0.0).sum(axis=(1, 2)) / n_known
    spread = np.where(known, variance**2, 0.0).sum(axis=(1, 2)) / n_known
    real = excess - 2 * np.sqrt(2 * _TILES_PER_FREE * spread / n_known)
    shrunk = np.zeros_like(deviations)
    for t in np.flatnonzero(real > 0):
        shrunk[t] = fill_from_neighbors(deviations[t] * real[t] / (real[t] + variance[t]))
    return shrunk
