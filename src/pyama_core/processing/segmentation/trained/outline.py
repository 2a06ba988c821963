"""Outlines where the image has an edge, between what is surely cell and surely background.

Regions grow from both over the pixels in between, in the order of the gradient's magnitude, and
meet on its ridges: the watershed by flooding from markers (Meyer 1991, "Un algorithme optimal pour
la ligne de partage des eaux"; Beucher & Meyer 1993), with a queue per level.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.segmentation.trained.features import blurred, slopes

Array = NDArray[Any]
_LEVELS = 256
_OUTSIDE, _INSIDE = 1, 2


def snapped(
    image: NDArray[np.float32], probability: NDArray[np.float32], sure: float, doubtful: float
) -> NDArray[np.bool_]:
    """Find the pixels of cells, their outlines on edges of the image.

    Parameters
    ----------
    image
        ``(H, W)``, positive and negative values.
    probability
        ``(H, W)``, that a pixel belongs to a cell.
    sure, doubtful
        Above `sure` a pixel is cell; of those below, down to `doubtful`, edges decide. Where none
        is sure, all is background.
    """
    marks = np.zeros(image.shape, np.uint8)
    marks[probability <= min(doubtful, sure)] = _OUTSIDE
    marks[probability > sure] = _INSIDE
    grow_marks(marks, _edge_levels(image))
    cells: NDArray[np.bool_] = marks == _INSIDE
    return cells


def _edge_levels(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Magnitude of the gradient, its logarithm in `_LEVELS` steps."""
    slope = np.hypot(*slopes(blurred(image, 1.0)))
    rise = np.log1p(slope / max(float(np.median(slope)), float(np.finfo(np.float32).tiny)))
    top = float(rise.max())
    return (rise * ((_LEVELS - 1) / top if top > 0 else 0.0)).astype(np.uint8)


@kernel
def grow_marks(marks: Array, levels: Array) -> None:
    """Give pixels of mark 0 that of a neighbor, those of the lowest level first.

    Pixels wait in one queue per level, in order of arrival; a queue is a chain of positions.
    Marked ones come before all.
    """
    height, width = marks.shape
    first, last = np.full(_LEVELS, -1, np.int64), np.full(_LEVELS, -1, np.int64)
    after, level = np.full(marks.size, -1, np.int32), 0
    for place in range(marks.size):
        if marks[place // width, place % width]:
            enqueue(first, last, after, place, 0)
    while level < _LEVELS:
        place = first[level]
        if place < 0:
            level += 1
            continue
        first[level] = after[place]
        y, x = place // width, place % width
        for v, u in ((y - 1, x), (y, x - 1), (y, x + 1), (y + 1, x)):
            if 0 <= v < height and 0 <= u < width and marks[v, u] == 0:
                marks[v, u] = marks[y, x]
                enqueue(first, last, after, v * width + u, levels[v, u])
                level = min(level, int(levels[v, u]))


@kernel
def enqueue(first: Array, last: Array, after: Array, place: int, level: int) -> None:
    """Put a position at the end of a level's queue."""
    if first[level] < 0:
        first[level] = place
    else:
        after[last[level]] = place
    last[level] = place
