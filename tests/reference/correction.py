"""Plain statements of the background correction, in NumPy and SciPy."""

import math

import numpy as np
from scipy import ndimage
from scipy.interpolate import RectBivariateSpline


def widened(mask, margin):
    return ndimage.maximum_filter(mask, 2 * margin + 1, mode="constant")


def tile_edges(size, window):
    divisions = max(math.ceil(size / window) + 1, 2)
    return np.rint(np.linspace(0, size, 2 * divisions - 1)).astype(int)


def blocks(row_edges, column_edges, span):
    """Pixels of blocks that reach over `span` edges."""
    for i, j in np.ndindex(len(row_edges) - span, len(column_edges) - span):
        yield (
            i,
            j,
            np.s_[row_edges[i] : row_edges[i + span], column_edges[j] : column_edges[j + span]],
        )


def block_medians(frame, masked, row_edges, column_edges, span):
    medians = np.full((len(row_edges) - span, len(column_edges) - span), np.nan)
    for i, j, block in blocks(row_edges, column_edges, span):
        free = frame[block][~masked[block]]
        if free.size:
            medians[i, j] = np.median(free.astype(np.float64))
    return medians


def tile_medians(frame, masked, window):
    rows, columns = (tile_edges(size, window) for size in frame.shape)
    return block_medians(frame, masked, rows, columns, 2)


def pyama_background(frame, mask, window=256, margin=10):
    """Background of one frame as PyAMA computes it, for sides of more than two windows."""
    masked = widened(mask, margin)
    medians = tile_medians(frame, masked, window)
    medians[np.isnan(medians)] = np.median(frame[~masked])
    edges = [tile_edges(size, window) for size in frame.shape]
    centers = [(e[:-2] + e[2:]) / 2 for e in edges]
    spline = RectBivariateSpline(*centers, medians)
    return spline(*(np.arange(size) for size in frame.shape))


def grouped_median(values):
    """Median of whole numbers, each spread evenly over one unit."""
    ordered = np.sort(values)
    middle = ordered[(len(values) - 1) // 2]
    below, equal = np.sum(values < middle), np.sum(values == middle)
    return middle - 0.5 + (len(values) / 2 - below) / equal
