"""What follows from a cell's outline: its length and its convex hull."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.extraction.regions import Regions
from pyama_core.processing.kernels import kernel

_DIAGONAL: Final = np.sqrt(2.0)
_STEP: Final = np.zeros(50)
_STEP[[5, 7, 15, 17, 25, 27]] = 1
_STEP[[21, 33]] = _DIAGONAL
_STEP[[13, 23]] = (1 + _DIAGONAL) / 2
"""Length of outline at a border pixel, by 1 + 2 * (direct) + 10 * (diagonal border neighbors)."""


def perimeters(regions: Regions) -> NDArray[np.float64]:
    """Length of each cell's outline, px, as `skimage.measure.perimeter` has it."""
    return np.array([_outline_length(mask, _STEP) for mask in regions.masks()], dtype=np.float64)


def hull_areas(regions: Regions) -> NDArray[np.int64]:
    """Pixels in each cell's convex hull, as `skimage.morphology.convex_hull_image` has it."""
    return np.array([_hull_area(mask) for mask in regions.masks()], dtype=np.int64)


@kernel
def _outline_length(mask: NDArray[np.bool_], step: NDArray[np.float64]) -> float:
    """Add up the outline at every border pixel: one with a direct neighbor outside the cell."""
    height, width = mask.shape
    border = np.zeros((height + 2, width + 2), dtype=np.int64)
    for y in range(height):
        for x in range(width):
            inside = 0 < y < height - 1 and 0 < x < width - 1
            if inside:
                inside = mask[y - 1, x] and mask[y + 1, x] and mask[y, x - 1] and mask[y, x + 1]
            border[y + 1, x + 1] = mask[y, x] and not inside
    length = 0.0
    for y in range(1, height + 1):
        for x in range(1, width + 1):
            if border[y, x]:
                direct = border[y - 1, x] + border[y + 1, x] + border[y, x - 1] + border[y, x + 1]
                diagonal = (
                    border[y - 1, x - 1]
                    + border[y - 1, x + 1]
                    + border[y + 1, x - 1]
                    + border[y + 1, x + 1]
                )
                length += step[1 + 2 * direct + 10 * diagonal]
    return length


@kernel
def _hull_area(mask: NDArray[np.bool_]) -> int:
    """Count the pixel centers in or on the hull of the middles of all pixel edges.

    Coordinates are doubled, so that edge middles are integers and nothing is rounded.
    """
    height, width = mask.shape
    left = np.full(2 * height + 1, 2 * width)
    right = np.full(2 * height + 1, -2)
    for y in range(height):
        for x in range(width):
            if mask[y, x]:
                _widen(left, right, 2 * y, 2 * x, 2 * x)
                _widen(left, right, 2 * y + 1, 2 * x - 1, 2 * x + 1)
                _widen(left, right, 2 * y + 2, 2 * x, 2 * x)
    low = _lower_hull(left)
    high = _lower_hull(-right)
    area = 0
    for y in range(height):
        first, last = _ceil_at(low, left, 2 * y + 1), -_ceil_at(high, -right, 2 * y + 1)
        area += last - first + 1
    return area


@kernel
def _widen(
    left: NDArray[np.int64], right: NDArray[np.int64], row: int, start: int, stop: int
) -> None:
    left[row] = min(left[row], start)
    right[row] = max(right[row], stop)


@kernel
def _lower_hull(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows at which the lower convex hull of ``values[row]`` has its corners (monotone chain)."""
    corners = np.empty(values.size, dtype=np.int64)
    n = 0
    for row in range(values.size):
        while n > 1 and _is_not_below(values, corners[n - 2], corners[n - 1], row):
            n -= 1
        corners[n] = row
        n += 1
    return corners[:n]


@kernel
def _is_not_below(values: NDArray[np.int64], a: int, b: int, c: int) -> bool:
    return bool((values[b] - values[a]) * (c - a) >= (values[c] - values[a]) * (b - a))


@kernel
def _ceil_at(corners: NDArray[np.int64], values: NDArray[np.int64], row: int) -> int:
    """Return the first whole pixel at or above the hull in a row."""
    i = np.searchsorted(corners, row)
    if corners[i] == row:
        return int(-(-values[row] // 2))
    a, b = corners[i - 1], corners[i]
    doubled = values[a] * (b - a) + (values[b] - values[a]) * (row - a)
    return int(-(-doubled // (2 * (b - a))))
