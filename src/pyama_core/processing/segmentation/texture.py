"""Kernels: the local variance of a frame, and what its threshold is found from.

The variance of the ``n = window**2`` pixels around each pixel is handled as ``n**2`` times itself,
``D = n * sum(x**2) - sum(x)**2``: a whole number for an integer image and exact in float64,
where the difference of two float means loses everything at a mean of 40000 and a deviation of 3.
No pass stores D: each computes it anew, row by row, in buffers that fit the first-level cache.
Images come with a margin of ``window // 2`` pixels on each side.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel

Array = NDArray[Any]


@kernel
def integer_variance(image: Array, y: int, window: int, work: Array, out: Array) -> None:
    """D of row `y` of an integer image, by sums along the columns and then along the row."""
    sums, squares = work[0], work[1]
    for x in range(sums.size):
        a, b, c = float(image[y, x]), float(image[y + 1, x]), float(image[y + 2, x])
        sums[x] = a + b + c
        squares[x] = a * a + b * b + c * c
    for dy in range(3, window):
        for x in range(sums.size):
            value = float(image[y + dy, x])
            sums[x] += value
            squares[x] += value * value
    for x in range(out.size):
        total = sums[x] + sums[x + 1] + sums[x + 2]
        square = squares[x] + squares[x + 1] + squares[x + 2]
        for dx in range(3, window):
            total += sums[x + dx]
            square += squares[x + dx]
        out[x] = window * window * square - total * total


@kernel
def float_variance(image: Array, y: int, window: int, work: Array, out: Array) -> None:
    """D of row `y` of any image, by the differences to the middle pixel, which cannot cancel."""
    sums, squares = work[0], work[1]
    sums[:] = 0.0
    squares[:] = 0.0
    middle = image[y + window // 2, window // 2 :]
    for dy in range(window):
        for dx in range(window):
            shifted = image[y + dy, dx:]
            for x in range(out.size):
                difference = float(shifted[x]) - float(middle[x])
                sums[x] += difference
                squares[x] += difference * difference
    for x in range(out.size):
        out[x] = window * window * squares[x] - sums[x] * sums[x]


@kernel
def variance_row(image: Array, y: int, window: int, exact: bool, work: Array, out: Array) -> None:
    """D of row `y`."""
    if exact:
        integer_variance(image, y, window, work, out)
    else:
        float_variance(image, y, window, work, out)


@kernel
def variance_extremes(image: Array, window: int, exact: bool) -> tuple[float, float, int]:
    """Smallest and largest positive D, and how many pixels have one."""
    height, width = image.shape[0] - window + 1, image.shape[1] - window + 1
    work, row = np.empty((2, image.shape[1])), np.empty(width)
    low, high = np.full(width, np.inf), np.zeros(width)
    positive = np.zeros(width, np.int64)
    for y in range(height):
        variance_row(image, y, window, exact, work, row)
        for x in range(width):
            varies = row[x] > 0.0
            low[x] = row[x] if varies and row[x] < low[x] else low[x]
            high[x] = row[x] if varies and row[x] > high[x] else high[x]
            positive[x] += varies
    return low.min(), high.max(), positive.sum()


@kernel
def count_bins(
    image: Array, window: int, exact: bool, bounds: Array, first_bin: Array, shift: int
) -> Array:
    """Pixels per bin; bin i holds ``bounds[i] <= D < bounds[i + 1]``.

    The upper bits of D, as a float64, select a cell that holds at most one bound.
    """
    height, width = image.shape[0] - window + 1, image.shape[1] - window + 1
    work, row = np.empty((2, image.shape[1])), np.empty(width)
    cells = row.view(np.int64)
    base = bounds[:1].view(np.int64)[0] >> shift
    counts: Array = np.zeros((4, bounds.size), np.int64)
    for y in range(height):
        variance_row(image, y, window, exact, work, row)
        for x in range(width):
            if row[x] > 0.0:
                i = first_bin[(cells[x] >> shift) - base]
                counts[x & 3, i + (row[x] >= bounds[i + 1])] += 1
    return counts.sum(axis=0)


@kernel
def log_moments(
    image: Array, window: int, exact: bool, bound: float, center: float
) -> tuple[int, float, float]:
    """Count, sum and square-sum ``0.5 * ln(D) - center`` over the pixels of D below `bound`."""
    height, width = image.shape[0] - window + 1, image.shape[1] - window + 1
    work, row = np.empty((2, image.shape[1])), np.empty(width)
    count, total, square = 0, np.zeros(width), np.zeros(width)
    for y in range(height):
        variance_row(image, y, window, exact, work, row)
        for x in range(width):
            if 0.0 < row[x] < bound:
                value = 0.5 * math.log(row[x]) - center
                count += 1
                total[x] += value
                square[x] += value * value
    return count, total.sum(), square.sum()


@kernel
def pack_foreground(image: Array, window: int, exact: bool, bound: float, bits: Array) -> None:
    """Set the bits of the pixels of D from `bound`; bit k of word w is column ``64 * w + k``."""
    height, width = image.shape[0] - window + 1, image.shape[1] - window + 1
    work, row = np.empty((2, image.shape[1])), np.empty(width)
    for y in range(height):
        variance_row(image, y, window, exact, work, row)
        for w in range(bits.shape[1]):
            word = np.uint64(0)
            for k in range(min(64, width - 64 * w)):
                word |= np.uint64(row[64 * w + k] >= bound) << np.uint64(k)
            bits[y, w] = word
