"""Medians of the background pixels of a frame, per tile and per patch."""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.quantization import LEVELS, into_levels, median_within
from pyama_core.processing.correction.tiles import Division, Edges, Mask
from pyama_core.processing.kernels import kernel
from pyama_core.processing.stack import read_only

Codes = NDArray[np.uint16]
Counts = NDArray[np.int32]
Ranks = NDArray[np.int64]


class Patches(NamedTuple):
    """What is counted of every patch of a frame."""

    medians: NDArray[np.float32]
    """``(py, px)`` to a fraction of a count; NaN where there are only cells."""
    pixels: Counts
    """``(py, px)`` cell-free pixels."""
    shifts: NDArray[np.float32]
    """``(2, py, px)`` how far along y and x they lie from the patch's center on average, px."""


@dataclass(frozen=True)
class FrameMedians:
    """What one frame says about its background; NaN where there are only cells."""

    tiles: NDArray[np.float64]
    """``(ny, nx)`` median of each tile's cell-free pixels."""
    whole: float
    """Median of the frame's cell-free pixels."""
    patches: Patches


class _Grid(NamedTuple):
    """Edges of the patches, and how many of them make half a tile."""

    rows: Edges
    columns: Edges
    rows_per_half: int
    columns_per_half: int


class _Workspace(NamedTuple):
    """Counts by code, all empty before and after a frame."""

    bands: NDArray[np.int32]
    """``(2, halves, LEVELS)`` two rows of half tiles."""
    ranges: Ranks
    """``(2, halves, 2)`` from which code up to which there are any in each half."""
    patch: Counts
    tile: Counts
    whole: Counts
    extent: Ranks
    """``(2,)`` the range of `whole`."""


class MedianCounter:
    """Takes medians of frames of one shape; keeps its workspace from frame to frame."""

    def __init__(self, rows: Division, columns: Division) -> None:
        self.rows, self.columns = rows, columns
        n_halves = len(columns.halves) - 1
        bands = np.zeros((2, n_halves, LEVELS), dtype=np.int32)
        ranges = np.tile(np.array([LEVELS, 0]), (2, n_halves, 1))
        patch, tile, whole = np.zeros((3, LEVELS), dtype=np.int32)
        self._work = _Workspace(bands, ranges, patch, tile, whole, np.array([LEVELS, 0]))
        self._grid = _Grid(
            rows.patches, columns.patches, rows.patches_per_half, columns.patches_per_half
        )

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
        pairs, middle, patches = self._count(frame.astype(np.uint16, copy=False), masked)
        tiles = np.where(pairs[0] < 0, np.nan, (pairs[0] + pairs[1]) / 2)
        whole = np.nan if middle[0] < 0 else float(middle[0] + middle[1]) / 2
        return FrameMedians(tiles, whole, patches)

    def _by_levels(self, frame: NDArray[Any], masked: Mask) -> FrameMedians:
        """Sort pixels into levels first, and look up the tile medians in their levels after."""
        codes, masked, low, step = into_levels(frame, masked)
        pairs, middle, patches = self._count(codes, masked)
        tiles = np.full(pairs.shape[1:], np.nan)
        for i, j in np.argwhere(pairs[0] >= 0):
            tile = self.rows.tile(i), self.columns.tile(j)
            tiles[i, j] = median_within(frame[tile], codes[tile], masked[tile], pairs[:, i, j])
        whole = np.nan if middle[0] < 0 else median_within(frame, codes, masked, middle)
        medians = np.float32(low + step / 2) + np.float32(step) * patches.medians
        return FrameMedians(tiles, whole, patches._replace(medians=medians))

    def _count(self, codes: Codes, masked: Mask) -> tuple[Ranks, Ranks, Patches]:
        """Give the two middle codes of each tile and of the frame, and the patches."""
        pairs = np.empty((2, self.rows.n_tiles, self.columns.n_tiles), dtype=np.int64)
        middle = np.empty(2, dtype=np.int64)
        shape = self.rows.n_patches, self.columns.n_patches
        patches = Patches(
            np.empty(shape, dtype=np.float32),
            np.empty(shape, dtype=np.int32),
            np.empty((2, *shape), dtype=np.float32),
        )
        count_medians(read_only(codes), masked, self._grid, self._work, pairs, middle, patches)
        return pairs, middle, patches


@kernel
def count_medians(
    codes: Codes,
    masked: Mask,
    grid: _Grid,
    work: _Workspace,
    pairs: Ranks,
    middle: Ranks,
    patches: Patches,
) -> None:
    """Count each patch once; add patches up to half tiles, and half tiles to tiles."""
    bands, ranges = work.bands, work.ranges
    for i in range(len(grid.rows) - 1):
        band = (i // grid.rows_per_half) % 2
        for j in range(len(grid.columns) - 1):
            rows, columns = grid.rows[i : i + 2], grid.columns[j : j + 2]
            shift = patches.shifts[:, i, j]
            n, low, high = _count_patch(codes, masked, rows, columns, work.patch, shift)
            patches.pixels[i, j] = n
            patches.medians[i, j] = _grouped_median(work.patch[low:], n) + low
            half = j // grid.columns_per_half
            _move(work.patch, bands[band, half], low, high)
            _extend(ranges[band, half], low, high)
        if (i + 1) % grid.rows_per_half == 0:
            if i >= grid.rows_per_half:
                _tile_row(bands, ranges, work.tile, pairs[:, i // grid.rows_per_half - 1])
            _empty(bands[1 - band], ranges[1 - band], work.whole, work.extent)
    for band in range(2):
        _empty(bands[band], ranges[band], work.whole, work.extent)
    _middle_pair(work.whole, work.extent[0], work.extent[1], middle)
    work.extent[0], work.extent[1] = LEVELS, 0


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


Real = TypeVar("Real", bound=np.floating[Any])


def median_of_greatest(values: NDArray[np.floating[Any]], n: int) -> float:
    """Median of the `n` greatest of some values; NaN where there are none.

    One partition finds it; NumPy's median asks for two neighbors at once, which takes eight times
    as long.
    """
    if n == 0:
        return np.nan
    upper = values.size - n + n // 2
    ordered = np.partition(values, upper, axis=None)
    lower = ordered[upper] if n % 2 else ordered[:upper].max()
    return float((ordered[upper] + lower) / 2)


def median_of_known(values: NDArray[Real]) -> NDArray[Real]:
    """Median along the last axis without NaN; NaN where there is nothing else."""
    ordered = np.sort(values, axis=-1)
    n = np.count_nonzero(~np.isnan(values), axis=-1, keepdims=True)
    lower = np.take_along_axis(ordered, np.maximum(n - 1, 0) // 2, axis=-1)
    upper = np.take_along_axis(ordered, np.minimum(n // 2, values.shape[-1] - 1), axis=-1)
    return np.asarray((lower + upper)[..., 0] / 2, dtype=values.dtype)
