"""LOG-STD: cells are where the image varies more than its background.

Phase contrast gives cells texture and edges, the medium none. The logarithm of the local standard
deviation is bimodal, and its background mode is found without a parameter: the method of PyAMA
(formats.md, "LOG-STD segmentation"), after Jaccard et al. 2014, "Automated method for the rapid and
precise estimation of adherent cell culture characteristics from phase contrast microscopy images".

For each frame, in float64 and with ``w = params.window``:

1. ``v`` = variance of the ``w x w`` pixels around each pixel, the image mirrored at its border
   (scipy's mode ``reflect``); ``L = 0.5 * ln(v)``.
2. Histogram of L in `bins` equal bins from its least to its greatest value; m = the center of the
   fullest bin, the lower one of equals; s = standard deviation of the values up to m.
3. A pixel is foreground where ``L > m + threshold``, or ``L > m + sigmas * s`` when the threshold
   is left to the data.
4. Holes are filled (4-neighbors); opening, then closing, with a square. Where touching cells are to
   be split, that happens after opening, and closing, which would join neighbors, is left out.

Pixels of zero variance (saturated, padded, not a number) have no logarithm: they are background and
take no part in 2. A frame whose L spans less than 1e-9 holds no cell. Else, where more than half of
the pixels have zero variance, the background itself is without texture, and every pixel of positive
variance is foreground.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.raster import bitmask as bit
from pyama_core.processing.raster import bitmask as runs
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.splitting import split_cells
from pyama_core.processing.segmentation.types import FrameSegmenter, SegmentedFrame

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


_LEAST_SPAN = 1e-9
_GREATEST_LEVEL = 350.0


class LogStd:
    """The method ``log_std``: see the module."""

    def open_fov(self, params: SegmentationParams, fov: int) -> FrameSegmenter:
        """Prepare for the frames of one FOV: buffers are made once."""
        return _LogStdFrames(params)


class _LogStdFrames:
    def __init__(self, params: SegmentationParams) -> None:
        self.params = params
        self.image = np.empty((0, 0))
        self.bits = np.empty((0, 0), np.uint64)

    def __call__(self, frame: NDArray[Any], t: int) -> SegmentedFrame:
        self._load(frame)
        self._threshold()
        width = frame.shape[1]
        if self.params.fill_holes:
            runs.fill_holes(self.bits, width)
        if self.params.split == "none":
            open_and_close(self.bits, width, self.params)
            return SegmentedFrame(bit.unpack(self.bits, width))
        open_only(self.bits, width, self.params)
        mask = bit.unpack(self.bits, width)
        return SegmentedFrame(mask, split_cells(frame, mask, self.params))

    def _load(self, frame: NDArray[Any]) -> None:
        """Copy the frame with its mirrored margin: uint16 where it fits, else floats."""
        half, dtype = self.params.window // 2, _working_dtype(frame.dtype)
        shape = (frame.shape[0] + 2 * half, frame.shape[1] + 2 * half)
        if (self.image.shape, self.image.dtype) != (shape, dtype):
            self.image = np.empty(shape, dtype)
            self.bits = bit.empty_bits((frame.shape[0], frame.shape[1]))
        self.image[half:-half, half:-half] = frame
        for image in (self.image, self.image.T):
            inner = image[half:-half]
            image[:half], image[-half:] = inner[half - 1 :: -1], inner[: -half - 1 : -1]

    def _threshold(self) -> None:
        bound, one = least_foreground(self.image, self.params), _one(self.image)
        pack_foreground(self.image, self.params.window, one, bound, self.bits)


def open_only(bits: bit.Bits, width: int, params: SegmentationParams) -> None:
    """Remove, in place, what is too thin for a cell."""
    size = _square(params.opening_size, params.opening_iterations)
    bit.erode(bits, width, size, params.border == "open")
    bit.dilate(bits, width, size)


def open_and_close(bits: bit.Bits, width: int, params: SegmentationParams) -> None:
    """Open, then close, in place; the two dilations between are one."""
    opening = _square(params.opening_size, params.opening_iterations)
    closing = _square(params.closing_size, params.closing_iterations)
    bit.erode(bits, width, opening, params.border == "open")
    bit.dilate(bits, width, opening + closing - 1)
    bit.erode(bits, width, closing, params.border == "open")


def least_foreground(image: NDArray[Any], params: SegmentationParams) -> float:
    """Least D (see `texture`) of a foreground pixel, for an image with its margin."""
    window = params.window
    least, greatest = variance_extremes(image, window, _one(image))
    low, high = float(least.min()), float(greatest.max())
    if low > high or log_std(high, window) - log_std(low, window) < _LEAST_SPAN:
        return np.inf
    edges = np.linspace(log_std(low, window), log_std(high, window), params.bins + 1)
    counts = _bin_counts(image, window, edges, low, high)
    if 2 * counts[0] > counts.sum():
        return low
    fullest = int(np.argmax(counts[1:]))
    mode = float(0.5 * (edges[fullest] + edges[fullest + 1]))
    if params.threshold is not None:
        return _least_above(mode + params.threshold, window)
    return _least_above(mode + params.sigmas * _spread_below(image, window, mode), window)


def _bin_counts(
    image: NDArray[Any], window: int, edges: NDArray[np.float64], low: float, high: float
) -> NDArray[np.int64]:
    """Pixels of no variance, then those between each two edges of L."""
    inner = least_variance(edges[1:-1], window, above=False)
    bounds = np.concatenate([[0.0, low], inner, [np.inf]])
    shift, first_bin = _cells(bounds, high, 2.0 * float(edges[1] - edges[0]))
    counts = count_bins(image, window, _one(image), bounds, first_bin, shift)
    return np.asarray(counts.sum(axis=0)[:-1])


def _spread_below(image: NDArray[Any], window: int, mode: float) -> float:
    """Find the standard deviation of the values of L up to the mode."""
    bound, center = _least_above(mode, window), mode + float(np.log(window * window))
    moments = log_moments(image, window, _one(image), bound, center)
    count, total, square = (float(moment.sum()) for moment in moments)
    return float(np.sqrt(max(0.0, square / count - (total / count) ** 2))) if count else 0.0


def _cells(bounds: NDArray[np.float64], high: float, width: float) -> tuple[int, NDArray[np.intp]]:
    """Divide the bit patterns of float64 so that no cell holds two bounds `width` apart in ln.

    Gives by how much a pattern is shifted for its cell's number, and each cell's first bin.
    """
    shift = 52 - max(0, 1 - int(np.floor(np.log2(np.expm1(width)))))
    first, last = np.array([bounds[1], high]).view(np.int64) >> shift
    least = (np.arange(first - 1, last + 1) << shift).view(np.float64)
    return shift, np.maximum(np.searchsorted(bounds, least, side="right") - 1, 0)


def log_std(variance: Any, window: int) -> Any:
    """L of D: half the logarithm of the variance."""
    return 0.5 * np.log(variance / window**4)


def _least_above(level: float, window: int) -> float:
    return float(least_variance(np.array([level]), window, above=True)[0])


def least_variance(levels: NDArray[np.float64], window: int, *, above: bool) -> NDArray[np.float64]:
    """Least D whose L reaches (is `above`) each level, to the last bit.

    L grows with D, so that comparing D with these spares the logarithm of every pixel. The
    exponential lands near it; two looks at the float64 around, the first at every n-th of n * n,
    find it.
    """
    n = _neighbors(levels)
    guess = window**4 * np.exp(2.0 * np.clip(levels, -_GREATEST_LEVEL, _GREATEST_LEVEL))
    last_below = guess.view(np.int64) - n**2 // 2
    for step in (n, 1):
        patterns = last_below[:, None] + step * np.arange(n)
        found = log_std(patterns.view(np.float64), window)
        below = found <= levels[:, None] if above else found < levels[:, None]
        last_below += step * (below.sum(axis=1) - 1)
    return (last_below + 1).view(np.float64)


def _neighbors(levels: NDArray[np.float64]) -> int:
    """How many steps of how many float64: a level's last bit is worth up to 2 |L| of D's."""
    greatest = min(float(np.abs(levels).max()), _GREATEST_LEVEL)
    return int(np.ceil(2.0 * np.sqrt(greatest + 8.0)))


def _one(image: NDArray[Any]) -> np.int64 | np.float64:
    """1 of the type that D is computed in."""
    return np.int64(1) if image.dtype.kind == "u" else np.float64(1)


def _square(size: int, iterations: int) -> int:
    """Edge of the square that `iterations` squares of edge `size` make."""
    return iterations * (size - 1) + 1


def _working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind in "bu" and dtype.itemsize <= 2:
        return np.dtype(np.uint16)
    return np.result_type(dtype, np.float32)
