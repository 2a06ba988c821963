"""The background of a whole time lapse, estimated in one pass over its frames."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.planes import is_recorded
from pyama_core.processing.correction.background import Background
from pyama_core.processing.correction.gain_selection import choose
from pyama_core.processing.correction.illumination import Illumination
from pyama_core.processing.correction.medians import MedianCounter, median_of_greatest
from pyama_core.processing.correction.outlying import departure, outlying_frames
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.correction.patches import Divisions, Observed, PatchSeries, PixelSample
from pyama_core.processing.correction.regression import SurfaceRegression
from pyama_core.processing.correction.residual import local_background, own_background
from pyama_core.processing.correction.spline import Floats, SplineAxis, SplineSurface
from pyama_core.processing.correction.tiles import (
    Division,
    Mask,
    divide,
    fill_from_neighbors,
    fill_over_time,
    smooth_over_time,
    widen,
)
from pyama_core.processing.raster.runs import checked_labels
from pyama_core.processing.stack import Stack, Tick, no_tick, read_only

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


Channel = TypeVar("Channel")


def estimate_background(
    frames: Stack,
    masks: Stack,
    params: CorrectionParams,
    *,
    missing: Collection[int] = (),
    tick: Tick = no_tick,
) -> Background:
    """Estimate the background of every frame of one fluorescence channel.

    Parameters
    ----------
    frames
        ``(T, H, W)`` raw fluorescence.
    masks
        ``(T, H, W)`` True or a label where a cell is.
    params
        Parameters of the step.
    missing
        Frames without data or without masks: nothing is learned from them, their background is
        NaN. So it is for frames that were not recorded (`pyama_core.planes.is_recorded`).
    tick
        Called once per frame.

    Raises
    ------
    InputError
        Frames and masks differ in shape, or the masks are neither bool nor labels of cells.
    """
    return estimate_backgrounds({0: frames}, masks, params, missing=missing, tick=tick)[0]


def estimate_backgrounds(
    channels: Mapping[Channel, Stack],
    masks: Stack,
    params: CorrectionParams,
    *,
    missing: Collection[int] = (),
    tick: Tick = no_tick,
) -> dict[Channel, Background]:
    """Estimate the backgrounds of several channels at once; each mask is widened only once.

    Parameters as in `estimate_background`, with the frames of every channel by its key.
    """
    for frames in channels.values():
        _check_shapes(frames.shape, masks.shape)
    _, height, width = masks.shape
    divisions = divide((height, width), params.spatial_window, params.patch_size)
    counter = MedianCounter(*divisions)
    observed = {key: Observed.nothing(len(masks), divisions) for key in channels}
    for t in range(len(masks)):
        tick("estimating the background", t)
        if t not in missing:
            mask = checked_labels(masks[t], f"Frame {t} of the segmentation")
            masked = widen(mask, params.mask_margin)
            for key, frames in channels.items():
                frame = read_only(frames[t])
                if is_recorded(frame):
                    observed[key].see(t, frame, masked, counter(frame, masked))
    return {key: assemble(seen, divisions, params) for key, seen in observed.items()}


def _check_shapes(frames: tuple[int, ...], masks: tuple[int, ...]) -> None:
    if frames != masks or len(masks) != 3:
        raise InputError(
            f"Frames are {frames}, masks {masks}: both must be (frames, height, width) and alike; "
            "segment the same frames that are corrected."
        )


def correct_stack(
    frames: Stack,
    masks: Stack,
    params: CorrectionParams,
    *,
    missing: Collection[int] = (),
    tick: Tick = no_tick,
) -> Iterator[NDArray[np.float32]]:
    """Give every frame without its background, ``(H, W)`` float32; missing frames are NaN.

    Parameters as in `estimate_background`.
    """
    background = estimate_background(frames, masks, params, missing=missing, tick=tick)
    for t in range(len(frames)):
        yield background.correct(frames[t], t)


def correct_frame(frame: NDArray[Any], mask: Mask, params: CorrectionParams) -> NDArray[np.float32]:
    """Preview the correction of a single frame, ``(H, W)`` float32.

    A gain that needs several frames, the regression, is not seen in the preview.
    """
    return next(correct_stack(frame[None], mask[None], params))
