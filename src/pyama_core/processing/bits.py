"""Masks of one bit per pixel: a 2048 x 2048 mask is 512 kB and stays in the cache.

Bit k of word w in row y is the pixel (y, 64 * w + k); bits beyond the width are 0.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel

Bits = NDArray[np.uint64]
WORD = 64


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
def shift_and(row: Bits, by: int) -> None:
    """``row &= row >> by`` over a whole row of words; what moves in at the end is 0."""
    whole, rest = by // 64, np.uint64(by % 64)
    for w in range(row.size):
        word = np.uint64(0)
        if w + whole < row.size:
            word = row[w + whole] >> rest
        if rest and w + whole + 1 < row.size:
            word |= row[w + whole + 1] << (np.uint64(64) - rest)
        row[w] &= word


@kernel
def shrink_rows(bits: Bits, tail: np.uint64, size: int, flip: np.uint64, outside: bool) -> None:
    """AND each pixel with its neighbors in the row, over spans that double up to `size` pixels."""
    words, half = bits.shape[1], size // 2
    margin = half // 64 + 1
    beyond = ~np.uint64(0) if outside else np.uint64(0)
    row = np.empty(words + 2 * margin, np.uint64)
    back = np.uint64(64 - half % 64) if half % 64 else np.uint64(0)
    start = margin - (half + 63) // 64
    for y in range(bits.shape[0]):
        row[:margin] = beyond
        row[margin + words :] = beyond
        for w in range(words):
            row[margin + w] = bits[y, w] ^ flip
        row[margin + words - 1] = (row[margin + words - 1] & tail) | (beyond & ~tail)
        span = 1
        while span < size:
            step = min(span, size - span)
            shift_and(row, step)
            span += step
        for w in range(words):
            word = row[start + w] >> back
            if back:
                word |= row[start + w + 1] << (np.uint64(64) - back)
            bits[y, w] = word ^ flip
        bits[y, words - 1] &= tail


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
