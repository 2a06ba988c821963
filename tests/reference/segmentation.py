"""Plain statements of the segmentation, in NumPy and SciPy: slow and easy to check by eye."""

import numpy as np
from scipy import ndimage


def window_variance(image, window=3):
    """n**2 times the variance of each window of n pixels, in whole numbers where possible."""
    dtype = np.int64 if image.dtype.kind in "bu" else np.float64
    padded = np.pad(image.astype(dtype), window // 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (window, window))
    windows = windows.reshape(*image.shape, -1)
    if dtype == np.float64:
        windows = windows - image[..., None].astype(dtype)
    n = window * window
    return n * (windows**2).sum(axis=-1) - windows.sum(axis=-1) ** 2


def log_std_foreground(image, params):
    """Foreground before holes are filled."""
    variance = window_variance(image, params.window) / params.window**4
    positive = variance > 0
    log_std = np.full(image.shape, -np.inf)
    log_std[positive] = 0.5 * np.log(variance[positive])
    values = log_std[positive]
    if values.size == 0 or np.ptp(values) < 1e-9:
        return np.zeros(image.shape, bool)
    if 2 * positive.sum() < positive.size:
        return positive
    counts, edges = np.histogram(values, bins=params.bins)
    mode = 0.5 * (edges[counts.argmax()] + edges[counts.argmax() + 1])
    if params.threshold is not None:
        return log_std > mode + params.threshold
    below = values[values <= mode]
    return log_std > mode + params.sigmas * (below.std() if below.size else 0.0)


def open_and_close(mask, params):
    outside = params.border == "open"
    opening = np.ones((params.opening_size,) * 2)
    closing = np.ones((params.closing_size,) * 2)
    for _ in range(params.opening_iterations):
        mask = ndimage.binary_erosion(mask, opening, border_value=outside)
    for _ in range(params.opening_iterations):
        mask = ndimage.binary_dilation(mask, opening)
    for _ in range(params.closing_iterations):
        mask = ndimage.binary_dilation(mask, closing)
    for _ in range(params.closing_iterations):
        mask = ndimage.binary_erosion(mask, closing, border_value=outside)
    return mask


def without_small(mask, min_size):
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    return mask & (sizes >= min_size)[labels]


def log_std(image, params):
    mask = log_std_foreground(image, params)
    if params.fill_holes:
        mask = ndimage.binary_fill_holes(mask)
    return without_small(open_and_close(mask, params), params.min_size)


def distance_to_background(mask):
    """Beyond the border the mask goes on as it is at it."""
    margin = sum(mask.shape)
    padded = np.pad(mask, margin, mode="edge")
    if padded.all():
        return np.full(mask.shape, np.inf)
    return ndimage.distance_transform_edt(padded)[margin:-margin, margin:-margin]


def flooded(heights, depth):
    """Hills of integer heights: pixels one by one from the top, hills as sets of pixels.

    A pixel touching no hill starts one; one touching several joins them where the lower has its
    top less than `depth` above; otherwise it goes to the hill of its highest neighbor.
    """
    hills, taken = {}, {}
    inside = [tuple(at) for at in np.argwhere(heights > 0)]
    for at in sorted(inside, key=lambda at: (-heights[at], at)):
        around = [
            (at[0] + dy, at[1] + dx)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if (at[0] + dy, at[1] + dx) in taken
        ]
        if around:
            hill = taken[max(around, key=lambda near: heights[near])]
            for near in around:
                other = taken[near]
                tops = [max(heights[pixel] for pixel in hills[one]) for one in (hill, other)]
                if hill != other and min(tops) - heights[at] < depth:
                    hills[hill] |= hills.pop(other)
                    taken.update(dict.fromkeys(hills[hill], hill))
        else:
            hill = at
            hills[hill] = set()
        hills[hill].add(at)
        taken[at] = hill
    return list(hills.values())
