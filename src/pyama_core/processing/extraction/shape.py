"""Shape features, defined as scikit-image's ``regionprops`` defines them."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.columns import AREA, BBOX, POSITION_X, POSITION_Y
from pyama_core.processing.extraction.feature import Feature
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


def perimeter(regions: Regions) -> NDArray[np.float64]:
    """Length of the outline through the centers of border pixels, px; 0 for a lone pixel.

    K. Benkrid, D. Crookes, A. Benkrid (2000), "Design and FPGA implementation of a perimeter
    estimator", Proc. Irish Machine Vision and Image Processing, 51-57.
    """
    return perimeters(regions)


def circularity(regions: Regions) -> NDArray[np.float64]:
    """``4 pi area / perimeter^2``: about 0.9 for a disk of pixels, less for anything less round.

    It is 0 for a cell without a perimeter, i.e. a single pixel.
    """
    length = perimeter(regions)
    circle = 4 * np.pi * regions.area
    roundness = np.zeros(len(regions))
    np.divide(circle, length**2, out=roundness, where=length > 0)
    return roundness


def solidity(regions: Regions) -> NDArray[np.float64]:
    """Area over the area of the convex hull."""
    return regions.area / hull_areas(regions)


def axis_lengths(regions: Regions) -> NDArray[np.float64]:
    """``(n_cells, 2)`` full axes of the ellipse with the same second moments, longer first, px."""
    xx, xy, yy = regions.central_moments.T
    middle, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    variances = np.stack([middle + spread, middle - spread], axis=1)
    lengths: NDArray[np.float64] = 4 * np.sqrt(np.maximum(variances, 0))
    return lengths


def eccentricity(regions: Regions) -> NDArray[np.float64]:
    """Focal distance over the longer axis of that ellipse: 0 for a circle, 1 for a line."""
    longer, shorter = axis_lengths(regions).T
    ratio = np.ones(len(regions))
    np.divide(shorter, longer, out=ratio, where=longer > 0)
    return np.sqrt(1 - ratio**2)


def orientation(regions: Regions) -> NDArray[np.float64]:
    """Angle from the vertical (row) axis to that ellipse's longer axis, -pi/2 to pi/2, radians."""
    xx, xy, yy = regions.central_moments.T
    angle = np.arctan2(2 * xy, yy - xx) / 2
    diagonal = np.where(xy > 0, np.pi / 4, -np.pi / 4)
    return np.where(xx == yy, diagonal, angle)


def _shape(
    name: str, unit: str, help: str, formula: str, compute: Any, columns: tuple[str, ...] = ()
) -> Feature:
    return Feature(name, "shape", unit, help, formula, compute, columns)


_ELLIPSE: Final = "of the ellipse with the cell's second moments"

SHAPE_FEATURES: Final = (
    _shape(AREA, "px", "Size of the cell.", "number of pixels", lambda regions: regions.area),
    _shape(
        "centroid",
        "px",
        "Center of the cell; 0 is the center of the first pixel.",
        "mean of the pixels' x and y",
        lambda regions: regions.centroid,
        (POSITION_X, POSITION_Y),
    ),
    _shape(
        "bounding_box",
        "px",
        "Smallest upright box around the cell.",
        "least x and y, and greatest x and y plus 1",
        lambda regions: regions.bbox,
        BBOX,
    ),
    _shape(
        "perimeter",
        "px",
        "Length of the cell's outline.",
        "line through the centers of border pixels (4-neighborhood; Benkrid 2000)",
        perimeter,
    ),
    _shape(
        "circularity",
        "",
        "How round the cell is: near 1 for a disk, less for the rest (CellProfiler: FormFactor).",
        "4 * pi * area / perimeter^2; 0 without a perimeter",
        circularity,
    ),
    _shape(
        "eccentricity",
        "",
        "How elongated the cell is: 0 for a circle, near 1 for a line.",
        f"focal distance / major axis length, {_ELLIPSE}",
        eccentricity,
    ),
    _shape(
        "solidity",
        "",
        "How convex the cell is: 1 without dents.",
        "area / pixels in the convex hull of the pixels' edge middles",
        solidity,
    ),
    _shape(
        "axis_major_length",
        "px",
        "Length of the cell's longer axis.",
        f"4 * sqrt(greater eigenvalue of the covariance), {_ELLIPSE}",
        lambda regions: axis_lengths(regions)[:, 0],
    ),
    _shape(
        "axis_minor_length",
        "px",
        "Length of the cell's shorter axis.",
        f"4 * sqrt(lesser eigenvalue of the covariance), {_ELLIPSE}",
        lambda regions: axis_lengths(regions)[:, 1],
    ),
    _shape(
        "orientation",
        "rad",
        "Direction of the cell's longer axis, from the vertical axis, -pi/2 to pi/2.",
        f"atan2(2 * cov_xy, var_y - var_x) / 2, {_ELLIPSE}",
        orientation,
    ),
)
"""Every built-in shape feature, in the order of the reference."""
