"""From blocks of pixels back to pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel

Array = NDArray[Any]


def enlarged(
    plane: NDArray[np.float32], factor: int, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Interpolate between the centers of blocks of `factor` pixels; cut to `shape`."""
    out = np.empty(shape, np.float32)
    interpolate(plane, *_positions(shape[0], factor), *_positions(shape[1], factor), out)
    return out


def _positions(size: int, factor: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each pixel, the block before its center and how far it is from that one's center."""
    place = np.maximum((np.arange(size) + 0.5) / factor - 0.5, 0.0)
    first = place.astype(np.int64)
    return first, (place - first).astype(np.float32)


@kernel
def interpolate(plane: Array, ys: Array, dys: Array, xs: Array, dxs: Array, out: Array) -> None:
    """Bilinear interpolation at the crossings of rows and columns."""
    last_y, last_x = plane.shape[0] - 1, plane.shape[1] - 1
    for i in range(ys.size):
        y0, y1, dy = min(ys[i], last_y), min(ys[i] + 1, last_y), dys[i]
        for j in range(xs.size):
            x0, x1, dx = min(xs[j], last_x), min(xs[j] + 1, last_x), dxs[j]
            upper = plane[y0, x0] + dx * (plane[y0, x1] - plane[y0, x0])
            lower = plane[y1, x0] + dx * (plane[y1, x1] - plane[y1, x0])
            out[i, j] = upper + dy * (lower - upper)
