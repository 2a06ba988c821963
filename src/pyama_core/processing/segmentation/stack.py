"""The segmentation step: from frames to masks and instances, frame by frame."""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.planes import is_recorded
from pyama_core.processing.raster.bitmask import pack, remove_small, unpack
from pyama_core.processing.raster.runs import checked_labels
from pyama_core.processing.segmentation.methods import open_for_stack, open_method
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.splitting import distance_to_background, split_cells
from pyama_core.processing.segmentation.types import FrameSegmenter, SegmentedFrame
from pyama_core.processing.stack import Stack, Tick, no_tick, read_only

Labels = NDArray[np.unsignedinteger[Any]]


@dataclass
class _Held:
    """A frame that may still change."""

    frame: SegmentedFrame
    labels: Labels
    missing_after: list[SegmentedFrame] = field(default_factory=list)

    def all_frames(self) -> Iterator[SegmentedFrame]:
        """Yield the frame and the missing ones that follow it."""
        yield self.frame
        yield from self.missing_after


def bridged(
    frames: Iterator[SegmentedFrame],
    gap: int,
    overlap: float,
    missing: Collection[int] = (),
) -> Iterator[SegmentedFrame]:
    """Fill in cells that are absent for up to `gap` frames.

    A cell is absent between two frames when they have regions of it whose intersection over union
    is at least `overlap`, and of whose intersection at most ``1 - overlap`` is covered by cells in
    every frame between. The rest of the intersection is then added to each of these.

    Parameters
    ----------
    frames
        Segmented frames in order; ``gap + 2`` of them are held.
    gap
        Most frames a cell may be absent; missing ones do not count.
    overlap
        Intersection over union, 0 to 1.
    missing
        Frames that no cell can have been seen in, which stay empty; looked up when they come.

    Yields
    ------
    SegmentedFrame
        One per frame, in order.
    """
    held: deque[_Held] = deque()
    for t, frame in enumerate(frames):
        if t not in missing:
            held.append(_Held(frame, _labeled(frame)))
            for first in range(len(held) - 3, -1, -1):
                _fill_between(list(held)[first:], overlap)
            if len(held) > gap + 1:
                yield from held.popleft().all_frames()
        elif held:
            held[-1].missing_after.append(frame)
        else:
            yield frame
    for last in held:
        yield from last.all_frames()


def _fill_between(held: list[_Held], overlap: float) -> None:
    """Put cells of both the first and the last frame back into those between."""
    before, *between, after = held
    common = (before.labels > 0) & (after.labels > 0)
    for frame in between:
        if not (common & ~frame.frame.mask).any():
            return
    for region in _shared_regions(before.labels, after.labels, common, overlap):
        if all(frame.frame.mask.ravel()[region].mean() <= 1 - overlap for frame in between):
            for frame in between:
                _add(frame, region)


def _shared_regions(
    before: Labels, after: Labels, common: NDArray[np.bool_], overlap: float
) -> Iterator[NDArray[np.intp]]:
    """Pixels that a region of `before` and one of `after`, which overlap enough, have in common."""
    size_before, size_after = (np.bincount(labels.ravel()) for labels in (before, after))
    pixels = np.flatnonzero(common)
    pair = before.ravel()[pixels].astype(np.int64) * size_after.size + after.ravel()[pixels]
    order = np.argsort(pair, kind="stable")
    found, start, shared = np.unique(pair[order], return_index=True, return_counts=True)
    first, second = np.divmod(found, size_after.size)
    union = size_before[first] + size_after[second] - shared
    for k in np.flatnonzero(shared >= overlap * union):
        yield pixels[order[start[k] : start[k] + shared[k]]]


def _add(held: _Held, region: NDArray[np.intp]) -> None:
    """Add a cell where the frame has none yet."""
    free = region[~held.frame.mask.ravel()[region]]
    number = int(held.labels.max()) + 1
    labels = held.labels.astype(np.uint32) if number > 65535 else held.labels.copy()
    mask = held.frame.mask.copy()
    labels.ravel()[free], mask.ravel()[free] = number, True
    has_instances = held.frame.instances is not None
    held.labels, held.frame = labels, SegmentedFrame(mask, labels if has_instances else None)


def _labeled(frame: SegmentedFrame) -> Labels:
    """Instances, or connected regions (8-neighbors) where there are none."""
    if frame.instances is not None:
        return frame.instances
    from scipy import ndimage

    labels, count = ndimage.label(frame.mask, np.ones((3, 3)))
    return labels.astype(np.uint16 if count <= 65535 else np.uint32)


_MOST_CELLS = 1 << 20
"""More than any frame has cells."""


def finish(
    frame: NDArray[Any], segmented: SegmentedFrame, params: SegmentationParams
) -> SegmentedFrame:
    """Split touching cells where that is not done, shrink them, drop what is too small for one."""
    mask, instances = segmented.mask, _numbered(segmented.instances)
    if instances is None and params.split != "none":
        instances = split_cells(frame, mask, params)
    if params.shrink > 0:
        mask = distance_to_background(mask) > params.shrink
        instances = None if instances is None else instances * mask
    if params.min_size > 1:
        if instances is None:
            mask = _without_small(mask, params.min_size)
        else:
            instances = _without_small_instances(instances, params.min_size)
            mask = instances > 0
    return SegmentedFrame(mask, instances)


def _numbered(
    instances: NDArray[Any] | None,
) -> NDArray[np.unsignedinteger[Any]] | None:
    """Return instances, with new numbers where these are greater than there can be cells.

    Steps that count pixels by number would need memory for all of them.
    """
    if instances is None:
        return None
    instances = checked_labels(instances, "The segmentation's instances")
    if instances.max(initial=0) <= _MOST_CELLS:
        return instances
    numbers, index = np.unique(instances, return_inverse=True)
    first = int(numbers[0] != 0)
    return (index.reshape(instances.shape) + first).astype(np.uint32)


def _without_small(mask: NDArray[np.bool_], min_size: int) -> NDArray[np.bool_]:
    bits = pack(mask)
    remove_small(bits, mask.shape[1], min_size)
    return unpack(bits, mask.shape[1])


def _without_small_instances(
    instances: NDArray[np.unsignedinteger[Any]], min_size: int
) -> NDArray[np.unsignedinteger[Any]]:
    kept = np.bincount(instances.ravel()) >= min_size
    kept[0] = False
    return np.where(kept[instances], instances, instances.dtype.type(0))


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
