"""Pixels of any real dtype as 16-bit levels, and exact medians by way of them."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.tiles import Mask
from pyama_core.processing.kernels import kernel

LEVELS: Final = 65536
"""Values a pixel is told apart by while counting."""

_SAMPLED_PER_AXIS: Final = 128
_MOST: Final = (1, 99)
"""Percentiles between which most pixels lie."""
_FAR: Final = 8.0
"""Pixels that lie so many times the spread of most beyond these are all one level."""


def into_levels(frame: NDArray[Any], masked: Mask) -> tuple[NDArray[np.uint16], Mask, float, float]:
    """Sort pixels into levels between the least and the greatest free one, save far outliers.

    Returns
    -------
    Levels ``(H, W)``, the mask with pixels that are not finite added, the value of level 0 and
    the width of a level.
    """
    masked = masked.copy()
    low, high = _without_outliers(frame, masked, *_free_range(frame, masked))
    step = (high - low) / (LEVELS - 1) if high > low else 1.0
    codes = np.zeros(frame.shape, dtype=np.uint16)
    _sort_in(frame, masked, low, step, codes)
    return codes, masked, low, step


def _without_outliers(
    frame: NDArray[Any], masked: Mask, low: float, high: float
) -> tuple[float, float]:
    """Narrow a range that a few pixels, dead ones for one, widen until the others are one level."""
    step_y, step_x = (max(size // _SAMPLED_PER_AXIS, 1) for size in frame.shape)
    some = frame[::step_y, ::step_x][~masked[::step_y, ::step_x]]
    if not some.size:
        return low, high
    first, last = np.percentile(some, _MOST).tolist()
    far = _FAR * (last - first)
    return (max(low, first - far), min(high, last + far)) if far > 0 else (low, high)


def median_within(
    frame: NDArray[Any], codes: NDArray[np.uint16], masked: Mask, pair: NDArray[np.int64]
) -> float:
    """Exact median of free pixels whose lower and upper median lie in the levels `pair`."""
    near = np.empty(codes.size, dtype=np.float64)
    lower, upper = pair.astype(np.uint16)
    below, count, n = _collect(frame, codes, masked, lower, upper, near)
    ranked = np.partition(near[:count], ((n - 1) // 2 - below, n // 2 - below))
    return float(ranked[(n - 1) // 2 - below] / 2 + ranked[n // 2 - below] / 2)


@kernel
def _free_range(frame: NDArray[Any], masked: Mask) -> tuple[float, float]:
    """Least and greatest free pixel; masks what is not finite."""
    low, high = np.inf, -np.inf
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            value = np.float64(frame[y, x])
            if not np.isfinite(value):
                masked[y, x] = True
            if not masked[y, x]:
                low, high = min(low, value), max(high, value)
    return low, high


@kernel
def _sort_in(
    frame: NDArray[Any], masked: Mask, low: float, step: float, codes: NDArray[np.uint16]
) -> None:
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            if not masked[y, x]:
                level = (np.float64(frame[y, x]) - low) / step
                codes[y, x] = np.uint16(max(0.0, min(level, LEVELS - 1.0)))


@kernel
def _collect(
    frame: NDArray[Any],
    codes: NDArray[np.uint16],
    masked: Mask,
    lower: np.uint16,
    upper: np.uint16,
    near: NDArray[np.float64],
) -> tuple[int, int, int]:
    """Free pixels below the levels, those within them (which are collected), and all."""
    below, within, n = 0, 0, 0
    for y in range(codes.shape[0]):
        row, cell = codes[y], masked[y]
        for x in range(len(row)):
            n += not cell[x]
            below += (not cell[x]) & (row[x] < lower)
        for x in range(len(row)):
            if lower <= row[x] <= upper and not cell[x]:
                near[within] = frame[y, x]
                within += 1
    return below, within, n
