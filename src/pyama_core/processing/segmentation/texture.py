"""Kernels: the local variance of a frame, and what its threshold is found from.

The variance of the ``n = window**2`` pixels around each pixel is handled as ``n**2`` times itself,
``D = n * sum(d**2) - sum(d)**2`` with d the differences to the pixel in the middle. For an integer
image that is a whole number, exact; for a float image it cannot cancel, where the difference of two
means loses everything at a mean of 40000 and a deviation of 3.

No pass stores D: computing it anew, one row in the first-level cache, costs less than moving it.
Images come with a margin of ``window // 2`` pixels on each side. The argument `one` is a 1 of the
type to compute in: int64 for integer images, float64 for others.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel

Array = NDArray[Any]


@kernel
def variance_row_of_3(image: Array, y: int, one: Any, out: Array) -> None:
    """D of row `y` for a window of 3, all in registers."""
    above, middle, below = image[y], image[y + 1], image[y + 2]
    for x in range(out.size):
        center = one * middle[x + 1]
        total = 0 * one
        square = 0 * one
        for k in range(3):
            a, b, c = one * above[x + k], one * middle[x + k], one * below[x + k]
            a, b, c = a - center, b - center, c - center
            total += a + b + c
            square += a * a + b * b + c * c
        variance = float(9 * square - total * total)
        out[x] = variance if 0.0 < variance < np.inf else 0.0


@kernel
def variance_row_of_any(image: Array, y: int, window: int, one: Any, out: Array) -> None:
    """D of row `y` for a window of any size."""
    totals, squares = np.full(out.size, 0 * one), np.full(out.size, 0 * one)
    middle = image[y + window // 2, window // 2 :]
    for dy in range(window):
        for dx in range(window):
            shifted = image[y + dy, dx:]
            for x in range(out.size):
                difference = one * shifted[x] - one * middle[x]
                totals[x] += difference
                squares[x] += difference * difference
    for x in range(out.size):
        variance = float(window * window * squares[x] - totals[x] * totals[x])
        out[x] = variance if 0.0 < variance < np.inf else 0.0


@kernel
def variance_row(image: Array, y: int, window: int, one: Any, out: Array) -> None:
    """D of row `y`; 0 where a window holds what is not a finite number."""
    if window == 3:
        variance_row_of_3(image, y, one, out)
    else:
        variance_row_of_any(image, y, window, one, out)


@kernel
def variance_extremes(image: Array, window: int, one: Any) -> tuple[Array, Array]:
    """Least and greatest positive D of each column; infinity and 0 where there is none."""
    height, row = image.shape[0] - window + 1, np.empty(image.shape[1] - window + 1)
    least, greatest = np.full(row.size, np.inf), np.zeros(row.size)
    for y in range(height):
        variance_row(image, y, window, one, row)
        for x in range(row.size):
            value = row[x] if row[x] > 0.0 else np.inf
            least[x] = value if value < least[x] else least[x]
            greatest[x] = row[x] if row[x] > greatest[x] else greatest[x]
    return least, greatest


@kernel
def count_bins(
    image: Array, window: int, one: Any, bounds: Array, first_bin: Array, shift: int
) -> Array:
    """Pixels per bin, in four parts; bin i holds ``bounds[i] <= D < bounds[i + 1]``.

    The upper bits of D, as a float64, select a cell that holds at most one bound; cell 0 is all
    below the cell of ``bounds[1]``, the least positive D.
    """
    height, row = image.shape[0] - window + 1, np.empty(image.shape[1] - window + 1)
    patterns = row.view(np.int64)
    base = (bounds[1:2].view(np.int64)[0] >> shift) - 1
    counts: Array = np.zeros((4, bounds.size), np.int64)
    for y in range(height):
        variance_row(image, y, window, one, row)
        for x in range(row.size):
            i = np.uint64(first_bin[np.uint64(max(patterns[x] >> shift, base) - base)])
            i += np.uint64(row[x] >= bounds[i + np.uint64(1)])
            counts[x & 3, i] += 1
    return counts


@kernel
def natural_log(values: Array, out: Array) -> None:
    """Logarithm of normal positive float64 to about 1e-14, in loops the compiler vectorizes.

    With ``v = 2**e * m`` it is ``e * ln 2 + 2 * atanh((m - 1) / (m + 1))``.
    """
    patterns, mantissas = values.view(np.int64), out.view(np.int64)
    for x in range(values.size):
        mantissas[x] = (patterns[x] & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000
    for x in range(values.size):
        exponent, m = float((patterns[x] >> 52) - 1023), out[x]
        if m > 1.4142135623730951:
            exponent, m = exponent + 1.0, 0.5 * m
        z = (m - 1.0) / (m + 1.0)
        q = z * z
        series = 1.0 / 15.0
        for k in range(13, 0, -2):
            series = series * q + 1.0 / k
        out[x] = exponent * 0.6931471805599453 + 2.0 * z * series


@kernel
def log_moments(
    image: Array, window: int, one: Any, bound: float, center: float
) -> tuple[Array, Array, Array]:
    """Count, sum and square-sum ``0.5 * ln(D) - center`` where D is below `bound`, by column."""
    height, row = image.shape[0] - window + 1, np.empty(image.shape[1] - window + 1)
    logs, count = np.empty(row.size), np.zeros(row.size, np.int64)
    total, square = np.zeros(row.size), np.zeros(row.size)
    for y in range(height):
        variance_row(image, y, window, one, row)
        natural_log(row, logs)
        for x in range(row.size):
            taken = (row[x] > 0.0) & (row[x] < bound)
            value = 0.5 * logs[x] - center if taken else 0.0
            count[x] += taken
            total[x] += value
            square[x] += value * value
    return count, total, square


@kernel
def pack_foreground(image: Array, window: int, one: Any, bound: float, bits: Array) -> None:
    """Set the bits of the pixels of D from `bound`; bit k of word w is column ``64 * w + k``."""
    height, row = image.shape[0] - window + 1, np.empty(image.shape[1] - window + 1)
    for y in range(height):
        variance_row(image, y, window, one, row)
        for w in range(bits.shape[1]):
            word = np.uint64(0)
            for k in range(min(64, row.size - 64 * w)):
                word |= np.uint64(row[64 * w + k] >= bound) << np.uint64(k)
            bits[y, w] = word
