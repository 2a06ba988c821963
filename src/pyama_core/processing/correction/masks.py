"""Cells widened by a margin, so that their glow is not taken for background."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing import bits

Mask = NDArray[np.bool_]


def widen(mask: NDArray[Any], margin: int) -> Mask:
    """Widen cells by a square of ``2 * margin + 1`` pixels; outside the frame is no cell.

    Parameters
    ----------
    mask
        ``(H, W)``, True or a label where a cell is.
    margin
        Pixels by which cells grow in each of the eight directions.

    Returns
    -------
    ``(H, W)`` bool.
    """
    cells = bits.pack(mask if mask.dtype == np.bool_ else mask > 0)
    bits.dilate(cells, mask.shape[1], 2 * margin + 1)
    return bits.unpack(cells, mask.shape[1])
