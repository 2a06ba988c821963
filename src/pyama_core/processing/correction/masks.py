"""Cells widened by a margin, so that their glow is not taken for background."""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel

Mask = NDArray[np.bool_]


def dilate(mask: Mask, margin: int) -> Mask:
    """Widen a mask by a square of ``2 * margin + 1`` pixels; outside the frame is no cell.

    Parameters
    ----------
    mask
        ``(H, W)`` bool, True = cell.
    margin
        Pixels by which cells grow in each of the eight directions.

    Returns
    -------
    ``(H, W)`` bool.
    """
    widened = np.empty(mask.shape, dtype=np.bool_)
    _dilate(np.ascontiguousarray(mask, dtype=np.bool_), margin, widened)
    return widened


@kernel
def _dilate(mask: Mask, margin: int, widened: Mask) -> None:
    height, width = mask.shape
    along_row = np.zeros(width + 2 * margin + 1, dtype=np.int32)
    last_seen = np.full(width, -margin - 1, dtype=np.int32)
    for y in range(height + margin):
        if y < height:
            along_row[:] = 0
            for x in range(width):
                if mask[y, x]:
                    along_row[x] += 1
                    along_row[x + 2 * margin + 1] -= 1
            cells_near = 0
            for x in range(margin):
                cells_near += along_row[x]
            for x in range(width):
                cells_near += along_row[x + margin]
                if cells_near > 0:
                    last_seen[x] = y
        if y >= margin:
            for x in range(width):
                widened[y - margin, x] = last_seen[x] >= y - 2 * margin
