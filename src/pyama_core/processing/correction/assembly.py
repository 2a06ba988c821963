"""From what the frames showed to the background that is taken out of them."""

from dataclasses import replace

import numpy as np

from pyama_core.processing.correction.background import Background
from pyama_core.processing.correction.choice import choose
from pyama_core.processing.correction.diagnostics import (
    dark_note,
    full_tiles_note,
    outlying_note,
    residual_background,
)
from pyama_core.processing.correction.fill import fill_from_neighbors, fill_over_time
from pyama_core.processing.correction.illumination import Illumination
from pyama_core.processing.correction.local import local_background, own_background
from pyama_core.processing.correction.observation import Divisions, Observed
from pyama_core.processing.correction.outlying import outlying_frames
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.correction.regression import SurfaceRegression
from pyama_core.processing.correction.smoothing import smooth_over_time
from pyama_core.processing.correction.spline import Floats, SplineAxis, SplineSurface
from pyama_core.processing.correction.tiles import Division

_LEAST_NODES = 7
"""So many nodes carry the light of a field however small it is."""


def assemble(observed: Observed, divisions: Divisions, params: CorrectionParams) -> Background:
    """Choose the method and make the surfaces of every frame."""
    y, x = divisions
    shape, patches = (y.size, x.size), observed.patches
    if params.method != "tiles":
        patches = replace(patches, outlying=outlying_frames(patches))
        observed = replace(observed, patches=patches)
    regression = SurfaceRegression(shape, params.spatial_window, patches.centers)
    choice = choose(params, patches, regression)
    hold = params.edges == "hold"
    if choice.pattern is None:
        axes = SplineSurface(*(SplineAxis(d.tile_centers, d.size, hold) for d in divisions))
        surfaces, gain = _filled_tiles(observed, params), None
    else:
        axes = SplineSurface(*(SplineAxis(_nodes(d, hold), d.size, hold) for d in divisions))
        surfaces, gain = _pattern_at(axes, observed, divisions, regression, choice.pattern)
    surfaces = smooth_over_time(surfaces, params.temporal_window)
    return Background(
        method=choice.method,
        reason=choice.reason,
        shape=shape,
        hold=hold,
        nodes_y=axes.y.nodes,
        nodes_x=axes.x.nodes,
        surfaces=surfaces,
        gain=gain,
        medians=observed.tiles,
        masked_share=observed.masked_share,
        residual=residual_background(observed.pixels, axes, surfaces, gain),
        camera_offset=choice.camera_offset,
        notes=[
            *choice.notes,
            *outlying_note(patches),
            *dark_note(choice.pattern, patches, choice.camera_offset),
            *full_tiles_note(observed.tiles[~observed.missing]),
        ],
    )


def _nodes(division: Division, hold: bool) -> Floats:
    if hold:
        return division.tile_centers
    return np.linspace(0, division.size - 1, max(division.n_tiles + 2, _LEAST_NODES))


def _filled_tiles(observed: Observed, params: CorrectionParams) -> Floats:
    """Tile medians with those that are all cells filled in as asked for."""
    everywhere = observed.whole[:, None, None]
    if params.fill == "frame_median":
        return np.where(np.isnan(observed.tiles), everywhere, observed.tiles)
    filled = np.stack([fill_from_neighbors(tiles) for tiles in observed.tiles])
    filled = fill_over_time(filled, observed.missing)
    return np.where(np.isnan(filled), everywhere, filled)


def _pattern_at(
    axes: SplineSurface,
    observed: Observed,
    divisions: Divisions,
    regression: SurfaceRegression,
    pattern: Illumination,
) -> tuple[Floats, Floats]:
    """Surfaces of all frames and the gain at the nodes, from pattern and local deviations."""
    seen = observed.patches.pixels.any(axis=(1, 2))
    drift = fill_over_time(np.where(seen, pattern.drift, np.nan), observed.missing)
    y, x = regression.surface.y.weights(axes.y.nodes), regression.surface.x.weights(axes.x.nodes)
    base, gain = y @ pattern.base @ x.T, y @ pattern.gain @ x.T
    local = local_background(observed.patches, regression, pattern, divisions)
    tiles_y, tiles_x = (
        SplineAxis(division.tile_centers, division.size, hold=True).weights(nodes)
        for division, nodes in zip(divisions, (axes.y.nodes, axes.x.nodes), strict=True)
    )
    surfaces = base + drift[:, None, None] * gain + tiles_y @ local @ tiles_x.T
    own = own_background(observed.patches, regression, pattern)
    surfaces[seen & observed.patches.outlying] = base + y @ own @ x.T
    return surfaces, gain
