"""The segmentation step: from frames to masks and instances, frame by frame."""

from collections.abc import Callable, Collection, Iterator
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.planes import is_recorded
from pyama_core.processing.segmentation.bridge import bridged
from pyama_core.processing.segmentation.finishing import finish
from pyama_core.processing.segmentation.methods import open_for_stack, open_method
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.types import FrameSegmenter, SegmentedFrame
from pyama_core.processing.stack import Stack, Tick, no_tick, read_only


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
        Frames the file does not hold. They give an empty mask, and so do frames that were not
        recorded (`pyama_core.planes.is_recorded`), unless the cells in them are drawn already.
    tick
        Unused: no method needs a preparatory pass.

    Yields
    ------
    SegmentedFrame
        One per frame, in order.

    Raises
    ------
    InputError
        If the method is unknown or lacks something, or a frame is not two-dimensional. Label
        images that do not fit the frames are found before any is read.
    """
    segment = open_for_stack(params, fov, len(frames), missing)
    absent = set(missing)  # Grows while frames are read, before anything asks for them.
    segmented = _with_absent(len(frames), frames.shape[1:], _each(frames, params, segment, absent))
    if params.bridge:
        return bridged(segmented, params.bridge, params.bridge_overlap, absent)
    return segmented


def _each(
    frames: Stack, params: SegmentationParams, segment: FrameSegmenter, absent: set[int]
) -> Callable[[int], SegmentedFrame | None]:
    """Segment one frame after the other; None for absent ones, which those unrecorded become."""

    def segment_one(t: int) -> SegmentedFrame | None:
        if t in absent:
            return None
        frame = _checked(frames[t])
        if params.method != "labels" and not is_recorded(frame):
            absent.add(t)
            return None
        return finish(frame, segment(frame, t), params)

    return segment_one


def _with_absent(
    n_frames: int, shape: tuple[int, ...], segment: Callable[[int], SegmentedFrame | None]
) -> Iterator[SegmentedFrame]:
    """Give empty frames for the absent ones, with instances where the others have them."""
    waiting, empty = 0, None
    for t in range(n_frames):
        segmented = segment(t)
        if segmented is None:
            waiting += 1
            continue
        empty = empty or _empty_like(segmented)
        yield from repeat(empty, waiting)
        waiting = 0
        yield segmented
    yield from repeat(empty or SegmentedFrame(np.zeros(shape, np.bool_)), waiting)


def _empty_like(segmented: SegmentedFrame) -> SegmentedFrame:
    instances = segmented.instances
    empty = None if instances is None else np.zeros_like(instances)
    return SegmentedFrame(np.zeros_like(segmented.mask), empty)


def segment_frame(
    frame: NDArray[Any], params: SegmentationParams, *, fov: int = 0, t: int = 0
) -> SegmentedFrame:
    """Find the cells of one frame ``(H, W)``: the preview of `segment_stack`.

    Raises
    ------
    InputError
        As in `segment_stack`.
    """
    frame = _checked(frame)
    return finish(frame, open_method(params, fov)(frame, t), params)


def _checked(frame: NDArray[Any]) -> NDArray[Any]:
    if frame.ndim != 2 or min(frame.shape) < 16:
        raise InputError(
            f"A frame to segment has shape {frame.shape}; give (height, width), each at least 16."
        )
    return read_only(frame)
