"""Touching cells are told apart: a mask becomes instances.

Heights are given to the pixels of the mask, cells being hills and notches between them valleys:
the distance to the background (``distance``) or how much the smoothed image differs from its
background (``intensity``). The heights are flooded from the top down; two hills that meet are one
cell when the lower rises less than `depth` above where they meet, else the line where they meet
separates them. This is the watershed of the h-maxima (Vincent & Soille 1991; Grimaud 1992, "A new
measure of contrast: the dynamics"; Meyer 1994), found in one pass by union-find.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.raster.bitmask import find_runs, pack
from pyama_core.processing.segmentation.params import SegmentationParams

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


_LEVELS = 65535
_BY_DATA = {"distance": (2.0, 2.0), "intensity": (1.0, 6.0)}


def split_cells(
    frame: NDArray[Any], mask: NDArray[np.bool_], params: SegmentationParams
) -> NDArray[np.unsignedinteger[Any]]:
    """Give each cell of a mask its number, touching ones apart.

    Parameters
    ----------
    frame
        The image ``(H, W)``, read where `params.split` is ``intensity``.
    mask
        ``(H, W)``, True = cell.
    params
        Which heights, their smoothing and the depth of a notch.

    Returns
    -------
    ndarray
        ``(H, W)`` uint16 (uint32 above 65535 cells), 0 = background; positive exactly in the mask.
    """
    depth, sigma = _depth_and_smoothing(params)
    if params.split == "distance":
        return flooded(smoothed(distance_to_background(mask), sigma), mask, depth)
    heights = smoothed(_contrast(frame, mask), sigma)
    unit = float(heights[mask].std()) if mask.any() else 0.0
    return flooded(heights, mask, depth * unit)


def _depth_and_smoothing(params: SegmentationParams) -> tuple[float, float]:
    depth, sigma = _BY_DATA[params.split]
    return (
        depth if params.split_depth is None else params.split_depth,
        sigma if params.split_smoothing is None else params.split_smoothing,
    )


def flooded(
    heights: NDArray[np.float32], mask: NDArray[np.bool_], depth: float
) -> NDArray[np.unsignedinteger[Any]]:
    """Tell apart the hills of `heights` within a mask that rise `depth` above their saddles.

    Heights are taken in 65535 steps from the least to the greatest in the mask; where all are
    equal there is no notch.
    """
    inside, region = np.flatnonzero(mask), _regions(mask)
    values = heights.ravel()[inside]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    scale = _LEVELS / (high - low) if high > low else 0.0
    notch = depth * scale if high > low else np.inf
    downs = np.rint((high - values) * scale).astype(np.uint16)
    order = np.argsort(downs, kind="stable")
    order = order[np.argsort(region[order], kind="stable")]
    numbers = np.zeros(mask.shape, np.uint32)
    count = flood(numbers, heights.ravel(), inside[order], downs[order], notch)
    return numbers if count > np.iinfo(np.uint16).max else numbers.astype(np.uint16)


def _regions(mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Give each pixel of the mask, in reading order, the number of its connected region.

    Flooding region by region keeps what it touches in the cache.
    """
    runs = find_runs(pack(mask), mask.shape[1], np.uint64(0), reach=1)
    number = np.cumsum(runs.region == np.arange(runs.region.size))[runs.region]
    if number.size and number.max() <= np.iinfo(np.uint16).max:
        number = number.astype(np.uint16)
    return np.repeat(number, runs.stop - runs.start)


def _contrast(frame: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How much each pixel differs from the background's median; not at all where not finite."""
    known = np.isfinite(frame)
    background = frame[known & ~mask]
    level = np.median(background if background.size else frame[known]) if known.any() else 0
    contrast = np.abs(frame.astype(np.float32) - np.float32(level))
    return np.where(known, contrast, np.float32(0))


@kernel
def find_root(parent: Array, i: int) -> int:
    """Hill that hill `i` is part of, halving the path on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel
def flood(numbers: Array, heights: Array, pixels: Array, downs: Array, depth: float) -> int:
    """Give pixels, by region and from the top down, their hill; count the hills.

    A pixel joins the hill of the highest of its neighbors, its steepest way up.
    """
    height, width = numbers.shape
    parent, top = np.zeros(pixels.size + 1, np.int32), np.zeros(pixels.size + 1, np.int32)
    flat, hills = numbers.ravel(), 0
    for k in range(pixels.size):
        y, x = pixels[k] // width, pixels[k] % width
        nearest, highest, alike = 0, 0, True
        for v in range(max(y - 1, 0), min(y + 2, height)):
            for u in range(max(x - 1, 0), min(x + 2, width)):
                there = v * width + u
                if flat[there]:
                    alike = alike and (nearest == 0 or flat[there] == nearest)
                    if nearest == 0 or heights[there] > heights[highest]:
                        nearest, highest = flat[there], there
        if nearest == 0:
            hills += 1
            nearest, parent[hills], top[hills] = hills, hills, downs[k]
        elif not alike:
            nearest = join_hills(flat, parent, top, (y, x), nearest, width, downs[k] - depth)
        flat[pixels[k]] = nearest
    return renumber(flat, pixels, parent, hills)


@kernel
def join_hills(
    flat: Array, parent: Array, top: Array, at: Any, nearest: int, width: int, least: float
) -> int:
    """Make one hill of those that meet at a pixel and of which one is lower than `least`."""
    (y, x), own = at, find_root(parent, nearest)
    for v in range(max(y - 1, 0), min(y + 2, flat.size // width)):
        for u in range(max(x - 1, 0), min(x + 2, width)):
            if flat[v * width + u]:
                other = find_root(parent, flat[v * width + u])
                if other != own and max(top[own], top[other]) > least:
                    own, other = min(own, other), max(own, other)
                    parent[other] = own
    return own


@kernel
def renumber(flat: Array, pixels: Array, parent: Array, hills: int) -> int:
    """Give the hills that are left new numbers from 1; count them."""
    number, count = np.zeros(hills + 1, np.int64), 0
    for i in range(1, hills + 1):
        if parent[i] == i:
            count += 1
            number[i] = count
    for k in range(pixels.size):
        flat[pixels[k]] = number[find_root(parent, flat[pixels[k]])]
    return count
