"""The correction step: frames and masks in, frames without background out."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.estimate import estimate_background
from pyama_core.processing.correction.masks import Mask
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.stack import Stack, Tick, no_tick


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
