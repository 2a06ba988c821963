"""Plain statements of what the kernels of the trained segmentation compute."""

import heapq

import numpy as np
from scipy import ndimage as ndi

from pyama_core.processing.segmentation.trained.features import DIRECTIONS, LENGTHS, RANKS


def ray_planes(plane):
    planes = []
    for reach in LENGTHS:
        greatest = []
        for direction in range(DIRECTIONS):
            angle = 2 * np.pi * direction / DIRECTIONS
            steps = [
                np.rint(along * np.array([np.sin(angle), np.cos(angle)])).astype(int)
                for along in _distances(reach)
            ]
            greatest.append(np.max([_moved(plane, *step) for step in steps], axis=0))
        planes += list(np.sort(greatest, axis=0)[list(RANKS)])
    return np.stack(planes)


def _distances(reach):
    distances, start = [0.0], 0
    for end in LENGTHS[: LENGTHS.index(reach) + 1]:
        distances += list(np.linspace(start, end, LENGTHS[0] + 1)[1:])
        start = end
    return distances


def _moved(plane, dy, dx):
    """The value at an offset from each pixel; nothing beyond the border."""
    out = np.full(plane.shape, -np.inf)
    height, width = plane.shape
    for y in range(height):
        for x in range(width):
            if 0 <= y + dy < height and 0 <= x + dx < width:
                out[y, x] = plane[y + dy, x + dx]
    return out


def rows_at(planes, ys, xs):
    """Fine features as they are, coarse ones interpolated linearly, held beyond the border."""
    at = [(np.asarray(ys) - 0.5) / 2, (np.asarray(xs) - 0.5) / 2]
    coarse = [ndi.map_coordinates(p, at, order=1, mode="nearest") for p in planes.coarse]
    return np.stack([*(p[ys, xs] for p in planes.fine), *coarse], axis=1)


def enlarged(plane, factor, shape):
    axes = [(np.arange(size) + 0.5) / factor - 0.5 for size in shape]
    return ndi.map_coordinates(plane, np.meshgrid(*axes, indexing="ij"), order=1, mode="nearest")


def grown(marks, levels):
    """Flood from the marks with one heap of (level, arrival)."""
    marks, arrivals = marks.copy(), 0
    waiting = []
    for y, x in np.argwhere(marks):
        waiting.append((0, arrivals, y, x))
        arrivals += 1
    while waiting:
        _, _, y, x = heapq.heappop(waiting)
        for v, u in ((y - 1, x), (y, x - 1), (y, x + 1), (y + 1, x)):
            if 0 <= v < marks.shape[0] and 0 <= u < marks.shape[1] and not marks[v, u]:
                marks[v, u] = marks[y, x]
                heapq.heappush(waiting, (levels[v, u], arrivals, v, u))
                arrivals += 1
    return marks
