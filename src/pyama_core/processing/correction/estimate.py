"""The background of a whole time lapse, estimated in one pass over its frames."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.assembly import Observed, assemble
from pyama_core.processing.correction.background import Background
from pyama_core.processing.correction.masks import Mask, widen
from pyama_core.processing.correction.medians import MedianCounter
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.correction.tiles import divide
from pyama_core.processing.stack import Stack, Tick, no_tick

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
        Frames without data: nothing is learned from them, their background is NaN.
    tick
        Called once per frame.
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
    _, height, width = masks.shape
    divisions = divide((height, width), params.spatial_window, params.patch_size)
    counter = MedianCounter(*divisions)
    observed = {key: Observed.nothing(len(masks), divisions) for key in channels}
    for t in range(len(masks)):
        tick("Estimating the background", t)
        if t not in missing:
            masked = widen(masks[t], params.mask_margin)
            for key, frames in channels.items():
                _observe(frames[t], masked, counter, observed[key], t)
    return {key: assemble(seen, divisions, params) for key, seen in observed.items()}


def _observe(
    frame: NDArray[Any], masked: Mask, counter: MedianCounter, observed: Observed, t: int
) -> None:
    found = counter(frame, masked)
    observed.tiles[t] = found.tiles
    observed.patches.medians[t] = np.where(found.pixels > 0, found.patches, 0)
    observed.patches.pixels[t] = found.pixels
    observed.whole[t] = np.median(frame) if np.isnan(found.whole) else found.whole
    observed.masked_share[t] = 1 - found.pixels.sum() / masked.size
