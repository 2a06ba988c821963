"""The segmentation step: from frames to masks and instances, frame by frame."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.processing.segmentation.bits import pack, unpack
from pyama_core.processing.segmentation.methods import open_method
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.runs import remove_small
from pyama_core.processing.segmentation.types import SegmentedFrame
from pyama_core.processing.stack import Stack, Tick, no_tick


def segment_stack(
    frames: Stack,
    params: SegmentationParams,
    *,
    fov: int = 0,
    missing: Collection[int] = (),
    tick: Tick = no_tick,
) -> Iterator[SegmentedFrame]:
    """Find the cells of every frame of one FOV.

    Parameters
    ----------
    frames
        ``(T, H, W)``, any real dtype; read one frame at a time.
    params
        The step's parameters.
    fov
        Number of the FOV, for methods that look something up by it.
    missing
        Frames the file does not hold; they give an empty mask.
    tick
        Unused: no method needs a preparatory pass.

    Yields
    ------
    SegmentedFrame
        One per frame, in order.

    Raises
    ------
    InputError
        If the method is unknown or lacks something, or a frame is not two-dimensional.
    """
    segment = open_method(params, fov)
    for t in range(len(frames)):
        if t in missing:
            yield SegmentedFrame(np.zeros(frames.shape[1:], np.bool_))
        else:
            yield finish(segment(_checked(frames[t]), t), params)


def segment_frame(
    frame: NDArray[Any], params: SegmentationParams, *, fov: int = 0, t: int = 0
) -> SegmentedFrame:
    """Find the cells of one frame ``(H, W)``: the preview of `segment_stack`.

    Raises
    ------
    InputError
        As in `segment_stack`.
    """
    return finish(open_method(params, fov)(_checked(frame), t), params)


def finish(segmented: SegmentedFrame, params: SegmentationParams) -> SegmentedFrame:
    """Do to a frame what every method has in common: drop what is too small for a cell."""
    if params.min_size <= 1:
        return segmented
    if segmented.instances is None:
        return SegmentedFrame(_without_small(segmented.mask, params.min_size))
    kept = np.bincount(segmented.instances.ravel()) >= params.min_size
    kept[0] = False
    mask = kept[segmented.instances]
    return SegmentedFrame(mask, np.where(mask, segmented.instances, 0))


def _without_small(mask: NDArray[np.bool_], min_size: int) -> NDArray[np.bool_]:
    bits = pack(mask)
    remove_small(bits, mask.shape[1], min_size)
    return unpack(bits, mask.shape[1])


def _checked(frame: NDArray[Any]) -> NDArray[Any]:
    if frame.ndim != 2 or min(frame.shape) < 16:
        raise InputError(
            f"A frame to segment has shape {frame.shape}; give (height, width), each at least 16."
        )
    return frame
