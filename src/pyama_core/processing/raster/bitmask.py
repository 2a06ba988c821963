"""Masks of one bit per pixel: a 2048 x 2048 mask is 512 kB and stays in the cache.

Bit k of word w in row y is the pixel (y, 64 * w + k); bits beyond the width are 0.
"""

import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.raster.runs import join_runs

Bits = NDArray[np.uint64]
WORD = 64

_WORDS_AT_ONCE = 2048
"""What is worked on together: 16 kB, which the first-level cache holds twice."""


def empty_bits(shape: tuple[int, int]) -> Bits:
    """Room for a mask of `shape`, all background."""
    return np.zeros((shape[0], -(-shape[1] // WORD)), np.uint64)


def pack(mask: NDArray[np.bool_]) -> Bits:
    """Bits of a bool mask ``(H, W)``."""
    bits = empty_bits((mask.shape[0], mask.shape[1]))
    packed = np.packbits(mask, axis=1, bitorder="little")
    bits.view(np.uint8)[:, : packed.shape[1]] = packed
    return bits if sys.byteorder == "little" else bits.byteswap()


def unpack(bits: Bits, width: int) -> NDArray[np.bool_]:
    """Bool mask ``(H, W)`` of bits."""
    ordered = bits if sys.byteorder == "little" else bits.byteswap()
    unpacked = np.unpackbits(ordered.view(np.uint8), axis=1, count=width, bitorder="little")
    return unpacked.view(np.bool_)


def tail(width: int) -> np.uint64:
    """Those bits of a row's last word that lie within the width."""
    return np.uint64(2 ** ((width - 1) % WORD + 1) - 1)


def erode(bits: Bits, width: int, size: int, outside: bool) -> None:
    """Erode in place by a square of odd edge `size`, what lies outside the image being `outside`.

    Equals ``scipy.ndimage.binary_erosion(mask, np.ones((size, size)), border_value=outside)``.
    """
    _shrink(bits, width, size, np.uint64(0), outside)


def dilate(bits: Bits, width: int, size: int) -> None:
    """Dilate in place by a square of odd edge `size`; nothing comes in from outside the image.

    Equals ``scipy.ndimage.binary_dilation(mask, np.ones((size, size)))``.
    """
    _shrink(bits, width, size, ~np.uint64(0), True)


def _shrink(bits: Bits, width: int, size: int, flip: np.uint64, outside: bool) -> None:
    """Erode the mask or, with `flip` all ones, its complement, which dilates the mask.

    Spans double: each word takes about ``2 * log2(size)`` operations, whatever the picture
    (van den Boomgaard & van Balen 1992, "Methods for fast morphological image transforms using
    bitmapped binary images").
    """
    if size > 1:
        shrink_rows(bits, tail(width), size, flip, outside)
        shrink_columns(bits, tail(width), size, flip, outside)


@kernel
def and_shifted(words: Bits, by: int, out: Bits) -> None:
    """``out = words & (words >> by)`` over a whole row of words; its last ones stay as they are.

    What is written is not what is read, else the compiler would not work on many words at once.
    """
    whole, rest = by // 64, np.uint64(by % 64)
    n = words.size - whole - 1
    near, next_ = words[whole : whole + n], words[whole + 1 :]
    if rest:
        back = np.uint64(64) - rest
        for w in range(n):
            out[w] = words[w] & ((near[w] >> rest) | (next_[w] << back))
    else:
        for w in range(n):
            out[w] = words[w] & near[w]
    out[n:] = words[n:]


@kernel
def shrink_rows(bits: Bits, tail: np.uint64, size: int, flip: np.uint64, outside: bool) -> None:
    """AND each pixel with its neighbors in the row, over spans that double up to `size` pixels.

    Some rows at once, each with a margin, so that loops are long and yet stay in the cache.
    """
    (height, words), half = bits.shape, size // 2
    margin = half // 64 + 1
    length = words + 2 * margin
    at_once = max(1, _WORDS_AT_ONCE // length)
    here, there = np.empty(at_once * length, np.uint64), np.empty(at_once * length, np.uint64)
    for top in range(0, height, at_once):
        rows = bits[top : top + at_once]
        n = len(rows) * length
        spread_rows(rows, tail, flip, outside, margin, here[:n])
        span = 1
        while span < size:
            step = min(span, size - span)
            and_shifted(here[:n], step, there[:n])
            here, there = there, here
            span += step
        gather_rows(here[:n], 64 * margin - half, tail, flip, rows)


@kernel
def spread_rows(
    bits: Bits, tail: np.uint64, flip: np.uint64, outside: bool, margin: int, out: Bits
) -> None:
    """Put rows one after the other, each between two margins of what is `outside`."""
    words = bits.shape[1]
    beyond = ~np.uint64(0) if outside else np.uint64(0)
    out[:] = beyond
    for y in range(len(bits)):
        row = out[y * (words + 2 * margin) + margin :]
        for w in range(words):
            row[w] = bits[y, w] ^ flip
        row[words - 1] = (row[words - 1] & tail) | (beyond & ~tail)


@kernel
def gather_rows(spread: Bits, first: int, tail: np.uint64, flip: np.uint64, out: Bits) -> None:
    """Take rows out of their margins again, from bit `first` of each on."""
    words, length = out.shape[1], spread.size // len(out)
    whole, rest = first // 64, np.uint64(first % 64)
    back = np.uint64(64) - rest
    for y in range(len(out)):
        row = spread[y * length + whole :]
        next_ = row[1:]
        for w in range(words):
            word = row[w] >> rest
            if rest:
                word |= next_[w] << back
            out[y, w] = word ^ flip
        out[y, words - 1] &= tail


@kernel
def shrink_columns(bits: Bits, tail: np.uint64, size: int, flip: np.uint64, outside: bool) -> None:
    """AND each pixel with its neighbors in the column, over spans that double as in a row."""
    (height, words), half = bits.shape, size // 2
    rows = np.empty((height + 2 * half, words), np.uint64)
    beyond = ~np.uint64(0) if outside else np.uint64(0)
    rows[:half] = beyond
    rows[half + height :] = beyond
    for y in range(height):
        for w in range(words):
            rows[half + y, w] = bits[y, w] ^ flip
    span = 1
    while span < size:
        step = min(span, size - span)
        for y in range(rows.shape[0] - step):
            for w in range(words):
                rows[y, w] &= rows[y + step, w]
        span += step
    for y in range(height):
        for w in range(words):
            bits[y, w] = rows[y, w] ^ flip
        bits[y, words - 1] &= tail


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
