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

from pyama_core.processing import bits as bit
from pyama_core.processing.segmentation import runs, texture
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.split import split_cells
from pyama_core.processing.segmentation.types import FrameSegmenter, SegmentedFrame

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
        texture.pack_foreground(self.image, self.params.window, one, bound, self.bits)


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
    least, greatest = texture.variance_extremes(image, window, _one(image))
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
    counts = texture.count_bins(image, window, _one(image), bounds, first_bin, shift)
    return np.asarray(counts.sum(axis=0)[:-1])


def _spread_below(image: NDArray[Any], window: int, mode: float) -> float:
    """Find the standard deviation of the values of L up to the mode."""
    bound, center = _least_above(mode, window), mode + float(np.log(window * window))
    moments = texture.log_moments(image, window, _one(image), bound, center)
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
