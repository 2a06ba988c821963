"""What surrounds a pixel: the greatest value met on the way out, over all directions.

A pixel inside a cell meets the cell's outline in whatever direction one goes; one outside does
not. Sorted over directions, what is met does not depend on how the cell lies. After the rays of
Smith, Carleton & Lepetit 2009, "Fast ray features for learning irregular shapes".
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel

Array = NDArray[Any]
DIRECTIONS = 16
LENGTHS = (4, 8, 16, 32)
RANKS = (0, 2, 4, 8)


def ray_planes(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Greatest values along rays, ranked over directions.

    Parameters
    ----------
    plane
        ``(H, W)``.

    Returns
    -------
    ndarray
        ``(len(LENGTHS) * len(RANKS), H, W)``: for each length in pixels the least, and further
        ranks in ascending order, of the `DIRECTIONS` greatest values; rays end at the border.
    """
    out = np.empty((len(LENGTHS) * len(RANKS), *plane.shape), np.float32)
    walk(np.ascontiguousarray(plane), _steps(), np.array(RANKS), out)
    return out


def _steps() -> NDArray[np.int64]:
    """Offsets ``(direction, ring, step, 2)``; each ring of steps ends at one of the lengths.

    The same number of steps in each ring: the farther, the coarser.
    """
    starts = np.array((0, *LENGTHS[:-1]))
    along = np.linspace(starts, LENGTHS, LENGTHS[0] + 1)[1:].T
    angle = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    unit = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    steps: NDArray[np.int64] = np.rint(along[None, :, :, None] * unit[:, None, None, :]).astype(
        np.int64
    )
    return steps


@kernel
def walk(plane: Array, steps: Array, ranks: Array, out: Array) -> None:
    """For each pixel, sort the greatest values so far at the end of each ring of steps."""
    height, width = plane.shape
    n_directions, n_rings, n_steps, _ = steps.shape
    greatest, ordered = np.empty(n_directions, np.float32), np.empty(n_directions, np.float32)
    for y in range(height):
        for x in range(width):
            greatest[:] = plane[y, x]
            for ring in range(n_rings):
                for d in range(n_directions):
                    for k in range(n_steps):
                        v, u = y + steps[d, ring, k, 0], x + steps[d, ring, k, 1]
                        if 0 <= v < height and 0 <= u < width:
                            greatest[d] = max(greatest[d], plane[v, u])
                    insert(ordered, d, greatest[d])
                for r in range(ranks.size):
                    out[ring * ranks.size + r, y, x] = ordered[ranks[r]]


@kernel
def insert(ordered: Array, count: int, value: float) -> None:
    """Put a value at its place among the first `count`, which are in ascending order."""
    while count > 0 and ordered[count - 1] > value:
        ordered[count] = ordered[count - 1]
        count -= 1
    ordered[count] = value
