"""A cell that is missing for a few frames is put back from what came before and after."""

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.segmentation.types import SegmentedFrame

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
