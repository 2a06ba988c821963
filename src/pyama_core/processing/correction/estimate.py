"""The background of a whole time lapse, estimated in one pass over its frames."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from pyama_core.errors import InputError
from pyama_core.planes import is_recorded
from pyama_core.processing.correction.assembly import assemble
from pyama_core.processing.correction.background import Background
from pyama_core.processing.correction.masks import widen
from pyama_core.processing.correction.medians import MedianCounter
from pyama_core.processing.correction.observation import Observed
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.correction.tiles import divide
from pyama_core.processing.runs import checked_labels
from pyama_core.processing.stack import Stack, Tick, no_tick, read_only

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
