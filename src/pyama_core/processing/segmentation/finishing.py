"""What every method's result goes through: splitting, shrinking, and the smallest cell."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.bits import pack, unpack
from pyama_core.processing.runs import checked_labels
from pyama_core.processing.segmentation.distance import distance_to_background
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.runs import remove_small
from pyama_core.processing.segmentation.split import split_cells
from pyama_core.processing.segmentation.types import SegmentedFrame

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
