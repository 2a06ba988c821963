"""Connected regions of a bit mask, found on its runs rather than its pixels.

A run is a row's stretch of set bits.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.bits import Bits, tail
from pyama_core.processing.kernels import kernel
from pyama_core.processing.runs import join_runs

Array = NDArray[Any]
_ALL = ~np.uint64(0)
_SEQUENCE = np.uint64(0x03F79D71B4CB0A89)
_POSITION = np.zeros(64, np.int64)
for _k in range(64):
    _POSITION[int(_SEQUENCE) * 2**_k % 2**64 >> 58] = _k


class Runs(NamedTuple):
    """Runs in reading order: row, first column, column after the last, and their region."""

    row: Array
    start: Array
    stop: Array
    region: Array


def fill_holes(bits: Bits, width: int) -> None:
    """Set, in place, the background that no path of 4-neighbors joins to the border.

    Equals ``scipy.ndimage.binary_fill_holes(mask)``.
    """
    runs = find_runs(bits, width, _ALL, reach=0)
    at_border = (runs.start == 0) | (runs.stop == width)
    at_border |= (runs.row == 0) | (runs.row == bits.shape[0] - 1)
    open_regions = np.zeros(runs.region.size, np.bool_)
    open_regions[runs.region[at_border]] = True
    _flip(bits, runs, ~open_regions[runs.region])


def remove_small(bits: Bits, width: int, min_size: int) -> None:
    """Clear, in place, regions (8-neighbors) of fewer than `min_size` pixels."""
    runs = find_runs(bits, width, np.uint64(0), reach=1)
    sizes = np.bincount(runs.region, runs.stop - runs.start, runs.region.size)
    _flip(bits, runs, sizes[runs.region] < min_size)


def find_runs(bits: Bits, width: int, flip: np.uint64, reach: int) -> Runs:
    """List the runs of the set bits (of the clear ones with `flip` all ones).

    A `reach` of 1 joins runs that touch by a corner (8-neighbors), 0 does not (4-neighbors).
    """
    ends = row_ends(bits, tail(width), flip)
    runs = Runs(*(np.empty(ends[-1], np.int32) for _ in Runs._fields))
    list_runs(bits, tail(width), flip, width, ends, runs.row, runs.start, runs.stop)
    join_runs(ends, runs.start, runs.stop, reach, runs.region)
    return runs


def _flip(bits: Bits, runs: Runs, chosen: NDArray[np.bool_]) -> None:
    picked = np.flatnonzero(chosen)
    flip_runs(bits, runs.row[picked], runs.start[picked], runs.stop[picked])


@kernel
def row_ends(bits: Bits, tail: np.uint64, flip: np.uint64) -> Array:
    """For each row, the number of runs up to its end."""
    one, ends, count = np.uint64(1), np.empty(bits.shape[0], np.int64), 0
    for y in range(bits.shape[0]):
        carry = np.uint64(0)
        for w in range(bits.shape[1]):
            word = bits[y, w] ^ flip
            if w == bits.shape[1] - 1:
                word &= tail
            first = word & ~((word << one) | carry)
            carry = word >> np.uint64(63)
            while first:
                first &= first - one
                count += 1
        ends[y] = count
    return ends


@kernel
def list_runs(
    bits: Bits,
    tail: np.uint64,
    flip: np.uint64,
    width: int,
    ends: Array,
    rows: Array,
    starts: Array,
    stops: Array,
) -> None:
    """Row, first column and column after the last of each run."""
    one, count = np.uint64(1), 0
    for y in range(bits.shape[0]):
        carry, within = np.uint64(0), 0
        for w in range(bits.shape[1]):
            word = bits[y, w] ^ flip
            if w == bits.shape[1] - 1:
                word &= tail
            changes = word ^ ((word << one) | carry)
            carry = word >> np.uint64(63)
            while changes:
                lowest = changes & (~changes + one)
                column = 64 * w + _POSITION[(lowest * _SEQUENCE) >> np.uint64(58)]
                if within:
                    stops[count] = column
                    count += 1
                else:
                    rows[count], starts[count] = y, column
                within = 1 - within
                changes ^= lowest
        if within:
            stops[count] = width
            count += 1


@kernel
def flip_runs(bits: Bits, rows: Array, starts: Array, stops: Array) -> None:
    """Invert the bits of runs."""
    for i in range(rows.size):
        first, last = starts[i] // 64, (stops[i] - 1) // 64
        low = ~np.uint64(0) << np.uint64(starts[i] % 64)
        high = ~np.uint64(0) >> np.uint64(63 - (stops[i] - 1) % 64)
        for w in range(first, last + 1):
            word = ~np.uint64(0)
            if w == first:
                word &= low
            if w == last:
                word &= high
            bits[rows[i], w] ^= word
