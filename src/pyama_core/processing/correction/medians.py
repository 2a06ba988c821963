"""Medians of the background pixels of a frame, per tile and per patch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.levels import LEVELS, into_levels, median_within
from pyama_core.processing.correction.masks import Mask
from pyama_core.processing.correction.tiles import Division, Edges
from pyama_core.processing.kernels import kernel
from pyama_core.processing.stack import read_only

Codes = NDArray[np.uint16]
Counts = NDArray[np.int32]
Ranks = NDArray[np.int64]

PatchCounts = tuple[NDArray[np.float32], Counts, NDArray[np.float32]]
"""Medians, pixels and shifts of the patches."""


@dataclass(frozen=True)
class FrameMedians:
    """What one frame says about its background; NaN where there are only cells."""

    tiles: NDArray[np.float64]
    """``(ny, nx)`` median of each tile's cell-free pixels."""
    patches: NDArray[np.float32]
    """``(py, px)`` median of each patch, to a fraction of a count."""
    pixels: Counts
    """``(py, px)`` cell-free pixels in each patch."""
    shifts: NDArray[np.float32]
    """``(2, py, px)`` how far along y and x their mean lies from the patch's center, px."""
    whole: float
    """Median of the frame's cell-free pixels, NaN where there are none."""


class MedianCounter:
    """Takes medians of frames of one shape; keeps its workspace from frame to frame."""

    def __init__(self, rows: Division, columns: Division) -> None:
        self.rows, self.columns = rows, columns
        n_halves = len(columns.halves) - 1
        self._bands = np.zeros((2, n_halves, LEVELS), dtype=np.int32)
        self._ranges = np.tile(np.array([LEVELS, 0]), (3, n_halves, 1))
        self._sums = np.zeros((3, LEVELS), dtype=np.int32)

    def __call__(self, frame: NDArray[Any], masked: Mask) -> FrameMedians:
        """Take the medians of one frame.

        Parameters
        ----------
        frame
            ``(H, W)`` of any real dtype. Pixels other than uint8 and uint16 are sorted into
            65536 levels first: tile medians are exact all the same, patch medians are
            within one level.
        masked
            ``(H, W)`` bool, True where a cell or its margin is.
        """
        if frame.dtype not in (np.uint8, np.uint16):
            return self._by_levels(frame, masked)
        pairs, middle, counted = self._count(frame.astype(np.uint16, copy=False), masked)
        tiles = np.where(pairs[0] < 0, np.nan, pairs.mean(axis=0))
        whole = np.nan if middle[0] < 0 else float(middle.mean())
        return FrameMedians(tiles, *counted, whole)

    def _by_levels(self, frame: NDArray[Any], masked: Mask) -> FrameMedians:
        """Sort pixels into levels first, and look up the tile medians in their levels after."""
        codes, masked, low, step = into_levels(frame, masked)
        pairs, middle, (patches, pixels, shifts) = self._count(codes, masked)
        tiles = np.full(pairs.shape[1:], np.nan)
        for i, j in np.argwhere(pairs[0] >= 0):
            tile = self.rows.tile(i), self.columns.tile(j)
            tiles[i, j] = median_within(frame[tile], codes[tile], masked[tile], pairs[:, i, j])
        whole = np.nan if middle[0] < 0 else median_within(frame, codes, masked, middle)
        patches = np.float32(low + step / 2) + np.float32(step) * patches
        return FrameMedians(tiles, patches, pixels, shifts, whole)

    def _count(self, codes: Codes, masked: Mask) -> tuple[Ranks, Ranks, PatchCounts]:
        """Middle codes of tiles and frame, and what is counted of the patches."""
        tiles = np.empty((2, self.rows.n_tiles, self.columns.n_tiles), dtype=np.int64)
        patches = np.empty((self.rows.n_patches, self.columns.n_patches), dtype=np.float32)
        pixels = np.empty(patches.shape, dtype=np.int32)
        shifts = np.empty((2, *patches.shape), dtype=np.float32)
        middle = np.empty(2, dtype=np.int64)
        count_medians(
            read_only(codes),
            masked,
            self.rows.patches,
            self.columns.patches,
            self.rows.patches_per_half,
            self.columns.patches_per_half,
            self._bands,
            self._ranges,
            self._sums,
            tiles,
            middle,
            patches,
            pixels,
            shifts,
        )
        return tiles, middle, (patches, pixels, shifts)


@kernel
def count_medians(
    codes: Codes,
    masked: Mask,
    row_edges: Edges,
    column_edges: Edges,
    rows_per_half: int,
    columns_per_half: int,
    bands: NDArray[np.int32],
    ranges: Ranks,
    sums: Counts,
    tiles: Ranks,
    middle: Ranks,
    patches: NDArray[np.float32],
    pixels: Counts,
    shifts: NDArray[np.float32],
) -> None:
    """Count each patch once; add patches up to half tiles, and half tiles to tiles.

    `bands` holds the counts of two rows of half tiles, `sums` those of a patch, a tile and the
    frame, `ranges` from which code up to which there are any in each half of both rows and in the
    frame; all are empty before and after.
    """
    patch, tile, whole, extent = sums[0], sums[1], sums[2], ranges[2, 0]
    for i in range(len(row_edges) - 1):
        band = (i // rows_per_half) % 2
        for j in range(len(column_edges) - 1):
            rows, columns = row_edges[i : i + 2], column_edges[j : j + 2]
            shift = shifts[:, i, j]
            n, low, high = _count_patch(codes, masked, rows, columns, patch, shift)
            pixels[i, j] = n
            patches[i, j] = _grouped_median(patch[low:], n) + low
            half = j // columns_per_half
            _move(patch, bands[band, half], low, high)
            _extend(ranges[band, half], low, high)
        if (i + 1) % rows_per_half == 0:
            if i >= rows_per_half:
                _tile_row(bands, ranges, tile, tiles[:, i // rows_per_half - 1])
            _empty(bands[1 - band], ranges[1 - band], whole, extent)
    for band in range(2):
        _empty(bands[band], ranges[band], whole, extent)
    _middle_pair(whole, extent[0], extent[1], middle)
    extent[0], extent[1] = LEVELS, 0


@kernel
def _count_patch(
    codes: Codes,
    masked: Mask,
    rows: Edges,
    columns: Edges,
    counts: Counts,
    shift: NDArray[np.float32],
) -> tuple[int, int, int]:
    """Count the free pixels of a patch; gives their number, least and one above greatest code."""
    n, sum_y, sum_x = 0, 0, 0
    low, high = np.uint16(LEVELS - 1), np.uint16(0)
    for y in range(rows[0], rows[1]):
        pixels = codes[y, columns[0] : columns[1]]
        cell = masked[y, columns[0] : columns[1]]
        n_row, sum_row = np.int32(0), np.int32(0)
        for x in range(len(pixels)):
            n_row += np.int32(not cell[x])
            sum_row += np.int32(0) if cell[x] else np.int32(x)
            low = min(low, np.uint16(LEVELS - 1) if cell[x] else pixels[x])
            high = max(high, np.uint16(0) if cell[x] else pixels[x])
        for x in range(len(pixels)):
            if not cell[x]:
                counts[np.uint64(pixels[x])] += 1
        n += int(n_row)
        sum_x += int(sum_row)
        sum_y += n_row * (y - rows[0])
    shift[0] = sum_y / max(n, 1) - 0.5 * (rows[1] - rows[0] - 1)
    shift[1] = sum_x / max(n, 1) - 0.5 * (columns[1] - columns[0] - 1)
    return n, int(low), int(high) + 1


@kernel
def _grouped_median(counts: Counts, n: int) -> float:
    """Median of counted integers, taken as spread evenly over one unit around each."""
    if n == 0:
        return np.nan
    below, code = 0, 0
    while 2 * (below + counts[code]) < n:
        below += counts[code]
        code += 1
    return float(code - 0.5 + (0.5 * n - below) / counts[code])


@kernel
def _move(source: Counts, target: Counts, low: int, high: int) -> None:
    giving, taking = source[low:high], target[low:high]
    for code in range(len(giving)):
        taking[code] += giving[code]
        giving[code] = 0


@kernel
def _extend(extent: Ranks, low: int, high: int) -> None:
    extent[0], extent[1] = min(extent[0], low), max(extent[1], high)


@kernel
def _tile_row(bands: NDArray[np.int32], ranges: Ranks, total: Counts, tiles: Ranks) -> None:
    """Two middle values of every tile in a row, from the counts of its four quarters."""
    for tile in range(tiles.shape[1]):
        a, b = ranges[0, tile], ranges[0, tile + 1]
        c, d = ranges[1, tile], ranges[1, tile + 1]
        low, high = min(a[0], b[0], c[0], d[0]), max(a[1], b[1], c[1], d[1])
        for band in range(2):
            for half in range(tile, tile + 2):
                counts, sums = bands[band, half, low:high], total[low:high]
                for code in range(len(counts)):
                    sums[code] += counts[code]
        _middle_pair(total, low, high, tiles[:, tile])


@kernel
def _middle_pair(counts: Counts, low: int, high: int, pair: Ranks) -> None:
    """Take lower and upper median of counted codes, -1 where there are none; empties the counts."""
    n, seen = 0, 0
    for code in range(low, high):
        n += counts[code]
    pair[0] = pair[1] = -1
    for code in range(low, high):
        seen += counts[code]
        counts[code] = 0
        if n > 0 and pair[0] < 0 and 2 * seen >= n:
            pair[0] = code
        if pair[1] < 0 and 2 * seen > n:
            pair[1] = code


@kernel
def _empty(band: NDArray[np.int32], ranges: Ranks, whole: Counts, extent: Ranks) -> None:
    """Add a band's counts to those of the whole frame and start it anew."""
    for half in range(len(band)):
        _move(band[half], whole, ranges[half, 0], ranges[half, 1])
        _extend(extent, ranges[half, 0], ranges[half, 1])
        ranges[half, 0], ranges[half, 1] = LEVELS, 0
