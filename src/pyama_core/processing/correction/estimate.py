"""Background of a whole time lapse, and the step made of it."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.background import Background
from pyama_core.processing.correction.masks import Mask, dilate
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.correction.spline import Floats
from pyama_core.processing.correction.tiles import TileAxis
from pyama_core.processing.stack import Stack, Tick, no_tick


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
        ``(T, H, W)`` bool, True = cell.
    params
        Parameters of the step.
    missing
        Frames without data; their background is NaN.
    tick
        Called once per frame.
    """
    _, height, width = frames.shape
    axis_y = TileAxis.over(height, params.spatial_window)
    axis_x = TileAxis.over(width, params.spatial_window)
    medians = np.full((len(frames), len(axis_y), len(axis_x)), np.nan)
    masked_share = np.zeros(len(frames))
    for t in range(len(frames)):
        tick("Estimating the background", t)
        if t not in missing:
            widened = dilate(masks[t], params.mask_margin)
            masked_share[t] = widened.mean()
            medians[t] = _tile_medians(frames[t], widened, axis_y, axis_x)
    return Background(
        method="tiles",
        reason="",
        shape=(height, width),
        edges=params.edges,
        nodes_y=axis_y.centers,
        nodes_x=axis_x.centers,
        medians=medians,
        gain=None,
        masked_share=masked_share,
        residual=0.0,
        camera_offset=np.nan if params.camera_offset is None else params.camera_offset,
    )


def correct_stack(
    frames: Stack,
    masks: Stack,
    params: CorrectionParams,
    *,
    missing: Collection[int] = (),
    tick: Tick = no_tick,
) -> Iterator[NDArray[np.float32]]:
    """Give every frame without its background, ``(H, W)`` float32; missing frames are NaN."""
    background = estimate_background(frames, masks, params, missing=missing, tick=tick)
    for t in range(len(frames)):
        yield background.correct(frames[t], t)


def correct_frame(frame: NDArray[Any], mask: Mask, params: CorrectionParams) -> NDArray[np.float32]:
    """Preview the correction of a single frame, ``(H, W)`` float32."""
    return next(correct_stack(frame[None], mask[None], params))


def _tile_medians(frame: NDArray[Any], masked: Mask, axis_y: TileAxis, axis_x: TileAxis) -> Floats:
    medians = np.empty((len(axis_y), len(axis_x)))
    everywhere = np.median(frame[~masked]) if not masked.all() else np.median(frame)
    for i in range(len(axis_y)):
        for j in range(len(axis_x)):
            tile = np.s_[
                axis_y.edges[i] : axis_y.edges[i + 2], axis_x.edges[j] : axis_x.edges[j + 2]
            ]
            free = frame[tile][~masked[tile]]
            medians[i, j] = np.median(free) if len(free) else everywhere
    return medians
