"""Kernels: how far each pixel of a mask is from the background, and smoothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel

Array = NDArray[Any]
FAR = np.int16(1 << 14)


def distance_to_background(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Euclidean distance of each pixel of a mask ``(H, W)`` to the nearest background, px.

    What lies beyond the image's border is neither: it ends no cell. Exact, by columns and then by
    the lower envelope of parabolas in each run of a row (Meijster, Roerdink & Hesselink 2000;
    Felzenszwalb & Huttenlocher 2012, "Distance transforms of sampled functions").
    """
    along = column_distance(mask)
    out = np.zeros(mask.shape, np.float32)
    for_rows(along, out)
    return out


@kernel
def column_distance(mask: Array) -> Array:
    """Distance to the nearest background in the pixel's column; `FAR` where there is none."""
    height, width = mask.shape
    out = np.empty((height, width), np.int16)
    for x in range(width):
        out[0, x] = FAR if mask[0, x] else 0
    for y in range(1, height):
        for x in range(width):
            out[y, x] = min(out[y - 1, x] + 1, FAR) if mask[y, x] else 0
    for y in range(height - 2, -1, -1):
        for x in range(width):
            out[y, x] = min(out[y, x], out[y + 1, x] + 1)
    return out


@kernel
def for_rows(along: Array, out: Array) -> None:
    """Fill in the distance of all pixels, run by run."""
    height, width = along.shape
    places, ends = np.empty(width + 2, np.int64), np.empty(width + 3)
    for y in range(height):
        x = 0
        while x < width:
            start = x
            while x < width and along[y, x] > 0:
                x += 1
            if x > start:
                nearest_in_run(along[y], start, x, places, ends, out[y])
            x += 1


@kernel
def nearest_in_run(
    along: Array, start: int, stop: int, places: Array, ends: Array, out: Array
) -> None:
    """Least of ``(x - p)**2 + along[p]**2`` over the run and the background beside it."""
    first, last, n = max(start - 1, 0), min(stop, along.size - 1), 0
    ends[0] = -np.inf
    for p in range(first, last + 1):
        square = float(p) * p + float(along[p]) * along[p]
        begin = -np.inf
        while n > 0:
            q = places[n - 1]
            begin = (square - (float(q) * q + float(along[q]) * along[q])) / (2.0 * (p - q))
            if begin > ends[n - 1]:
                break
            n -= 1
        places[n], ends[n] = p, begin if n else -np.inf
        n += 1
    ends[n] = np.inf
    k = 0
    for x in range(start, stop):
        while ends[k + 1] < x:
            k += 1
        gap, column = float(x - places[k]), float(along[places[k]])
        out[x] = np.float32(np.sqrt(gap * gap + column * column))


def smoothed(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Gaussian smoothing, the image mirrored at its border.

    Equals ``scipy.ndimage.gaussian_filter(image, sigma)`` but for rounding, and for tails longer
    than the image, which are cut.
    """
    radius = min(int(4.0 * sigma + 0.5), min(image.shape) - 1)
    if radius < 1:
        return image
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return smooth_both_ways(image, (weights / weights.sum()).astype(np.float32))


@kernel
def smooth_both_ways(image: Array, weights: Array) -> Array:
    """Weigh each pixel's neighbors along the column, then along the row."""
    (height, width), radius = image.shape, weights.size // 2
    out, row = np.empty_like(image), np.empty(width + 2 * radius, np.float32)
    for y in range(height):
        row[:] = 0.0
        for k in range(weights.size):
            v = y + k - radius
            v = -v - 1 if v < 0 else (2 * height - v - 1 if v >= height else v)
            for x in range(width):
                row[radius + x] += weights[k] * image[v, x]
        for x in range(radius):
            row[x] = row[2 * radius - 1 - x]
            row[radius + width + x] = row[radius + width - 1 - x]
        out[y] = 0.0
        for k in range(weights.size):
            for x in range(width):
                out[y, x] += weights[k] * row[x + k]
    return out
