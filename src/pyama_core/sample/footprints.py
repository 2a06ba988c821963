"""Where each cell lies in the image: outlines, their boxes, and who owns a pixel."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyama_core.sample.rows import Floats

Box = tuple[slice, slice]
Image = NDArray[np.float32]


@dataclass
class Footprint:
    """A cell within its bounding box, coordinates turned with the cell.

    Attributes
    ----------
    key : int
        Which cell.
    box : two slices
        Rows and columns of the image.
    depth : (h, w) float32
        0 at the cell's center, 1 on its outline, more outside.
    along, across : (h, w) float32
        Pixels from the center along and across the cell's axis.
    roundness : float
        0 spread on the substrate, 1 rounded up as before division.
    grain : (2,) float
        Where in the texture this cell's begins.
    """

    key: int
    box: Box
    depth: Image
    along: Image
    across: Image
    roundness: float
    grain: Floats


def box_around(center: Floats, reach: float, shape: tuple[int, int]) -> Box:
    """Return the part of an image within `reach` pixels of a center; may be empty."""
    low = np.clip(np.floor(center - reach).astype(int), 0, shape)
    high = np.clip(np.ceil(center + reach).astype(int) + 1, 0, shape)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


def turned_coordinates(box: Box, center: Floats, angle: float) -> tuple[Image, Image]:
    """Return pixels from `center` along and across an axis at `angle` from the x axis."""
    y, x = np.ogrid[box]
    dy, dx = (y - center[0]).astype(np.float32), (x - center[1]).astype(np.float32)
    sine, cosine = np.float32(np.sin(angle)), np.float32(np.cos(angle))
    return dx * cosine + dy * sine, dy * cosine - dx * sine


def claim_pixels(footprints: Iterable[Footprint], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Give each pixel to the cell in whose outline it lies deepest.

    Returns
    -------
    (Y, X) int64
        The owner's key; 0 = none.
    """
    owner = np.zeros(shape, np.int64)
    nearest = np.ones(shape, np.float32)
    for footprint in footprints:
        won = footprint.depth < nearest[footprint.box]
        nearest[footprint.box][won] = footprint.depth[won]
        owner[footprint.box][won] = footprint.key
    return owner
