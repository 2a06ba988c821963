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
    last_cell = np.full(width, -margin - 1, dtype=np.int32)
    for y in range(height + margin):
        if y < height:
            _mark_row(mask[y], margin, last_cell, y)
        if y >= margin:
            oldest = np.int32(y - 2 * margin)
            row = widened[y - margin]
            for x in range(width):
                row[x] = last_cell[x] >= oldest


@kernel
def _mark_row(row: NDArray[np.bool_], margin: int, last_cell: NDArray[np.int32], y: int) -> None:
    """Note row `y` in all columns within the margin of a cell, each only once."""
    done = 0
    for x in range(len(row)):
        if row[x]:
            end = min(x + margin + 1, len(row))
            for near in range(max(x - margin, done), end):
                last_cell[near] = y
            done = end
