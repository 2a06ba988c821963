"""What surrounds a pixel: the greatest value met on the way out, over all directions.

A pixel inside a cell meets the cell's outline in whatever direction one goes; one outside does
not. Sorted over directions, what is met does not depend on how the cell lies. After the rays of
Smith, Carleton & Lepetit 2009, "Fast ray features for learning irregular shapes".

The kernel works on whole rows of pixels at a time, which the compiler turns into vector
instructions: also the sorting, by Batcher's odd-even merge network (1968).
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
    padded = np.pad(plane, LENGTHS[-1], constant_values=-np.inf)
    walk(padded, _steps(), _sorting_network(DIRECTIONS), np.array(RANKS), out)
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


def _sorting_network(size: int) -> NDArray[np.int64]:
    """Pairs to be put in order one after the other; `size` is a power of 2."""
    pairs = []
    for merged in 2 ** np.arange(int(np.log2(size))):
        for gap in merged >> np.arange(int(np.log2(merged)) + 1):
            low = np.arange(gap % merged, size - gap)
            low = low[(low - gap % merged) % (2 * gap) < gap]
            together = low // (2 * merged) == (low + gap) // (2 * merged)
            pairs.append(np.stack([low, low + gap])[:, together])
    return np.concatenate(pairs, axis=1).T.astype(np.int64)


@kernel
def walk(padded: Array, steps: Array, network: Array, ranks: Array, out: Array) -> None:
    """For each row of pixels, sort the greatest values so far at the end of each ring of steps."""
    height, width = out.shape[1:]
    n_directions, n_rings, n_steps, _ = steps.shape
    margin = (padded.shape[0] - height) // 2
    greatest = np.empty((n_directions, width), np.float32)
    for y in range(height):
        greatest[:] = padded[y + margin, margin : margin + width]
        for ring in range(n_rings):
            for d in range(n_directions):
                for k in range(n_steps):
                    dy, dx = steps[d, ring, k]
                    raise_to(greatest[d], padded[y + margin + dy, margin + dx :])
            ordered = greatest.copy()
            for a, b in network:
                put_in_order(ordered[a], ordered[b])
            for r in range(ranks.size):
                out[ring * ranks.size + r, y] = ordered[ranks[r]]


@kernel
def raise_to(values: Array, others: Array) -> None:
    """Make each value at least the other."""
    for x in range(values.size):
        values[x] = others[x] if others[x] > values[x] else values[x]


@kernel
def put_in_order(low: Array, high: Array) -> None:
    """Exchange the values that are greater in `low`."""
    for x in range(low.size):
        a, b = low[x], high[x]
        low[x] = b if a > b else a
        high[x] = a if a > b else b
