"""What linking knows of the cells of a frame: size, place and shape."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.raster.runs import Ints, Runs

Floats = NDArray[np.floating]

_PIXEL_VARIANCE = 1 / 12


@dataclass(frozen=True)
class Regions:
    """Cells, one row each; small enough to be kept for all frames of a movie.

    Attributes
    ----------
    area : (N,) float32
        Pixels.
    center : (N, 2) float32
        Centroid y, x in pixels, 0 at the center of the first pixel.
    covariance : (N, 2, 2) float32
        Second central moments of the cell's pixels, each a unit square.
    at_border : (N,) bool
        Whether the cell touches the border of the frame.
    """

    area: Floats
    center: Floats
    covariance: Floats
    at_border: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.area)

    @property
    def diameter(self) -> float:
        """Diameter of a circle of the median area, pixels; 0 without cells."""
        return float(2 * np.sqrt(np.median(self.area) / np.pi)) if len(self) else 0.0

    @classmethod
    def none(cls) -> "Regions":
        """Return the regions of a frame without cells."""
        return cls(
            np.empty(0, np.float32),
            np.empty((0, 2), np.float32),
            np.empty((0, 2, 2), np.float32),
            np.empty(0, np.bool_),
        )

    @classmethod
    def joined(cls, parts: Sequence["Regions"]) -> "Regions":
        """Return the cells of several frames in one table."""
        parts = [cls.none(), *parts]
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    def unlike(self, others: "Regions") -> Floats:
        """Return how different in size each cell is from another, |ln ratio|; 0 at the border."""
        ratio = np.abs(np.log(self.area / others.area))
        return np.where(self.at_border | others.at_border, 0, ratio)

    def take(self, index: NDArray[np.integer]) -> "Regions":
        """Return the cells at `index`."""
        return Regions(*(getattr(self, f.name)[index] for f in fields(self)))


def measure(runs: Runs) -> Regions:
    """Measure every cell of a frame."""
    sums, at_border = sum_runs(
        runs.row_start, runs.start, runs.stop, runs.cell, runs.n_cells, runs.width
    )
    return Regions(*moments(sums), at_border)


@kernel
def sum_runs(
    row_start: Ints, start: Ints, stop: Ints, cell: Ints, n_cells: int, width: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Sum 1, y, x, y*y, y*x, x*x over each cell's pixels; tell which cells touch the border."""
    sums, at_border = np.zeros((n_cells, 6), np.float64), np.zeros(n_cells, np.bool_)
    last = len(row_start) - 2
    for y in range(last + 1):
        for run in range(row_start[y], row_start[y + 1]):
            a, b = np.float64(start[run]), np.float64(stop[run])
            n, x = b - a, 0.5 * (a + b - 1) * (b - a)
            of = sums[cell[run]]
            of[0] += n
            of[1] += y * n
            of[2] += x
            of[3] += y * y * n
            of[4] += y * x
            of[5] += (b * (b - 1) * (2 * b - 1) - a * (a - 1) * (2 * a - 1)) / 6
            if y == 0 or y == last or start[run] == 0 or stop[run] == width:
                at_border[cell[run]] = True
    return sums, at_border


@kernel
def moments(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Return area, centroid and second central moments, of unit squares, from such sums."""
    n_cells = len(sums)
    area, center = np.empty(n_cells, np.float32), np.empty((n_cells, 2), np.float32)
    covariance = np.empty((n_cells, 2, 2), np.float32)
    for cell in range(n_cells):
        n = sums[cell, 0]
        y, x = sums[cell, 1] / n, sums[cell, 2] / n
        area[cell], center[cell, 0], center[cell, 1] = n, y, x
        covariance[cell, 0, 0] = sums[cell, 3] / n - y * y + _PIXEL_VARIANCE
        covariance[cell, 0, 1] = covariance[cell, 1, 0] = sums[cell, 4] / n - y * x
        covariance[cell, 1, 1] = sums[cell, 5] / n - x * x + _PIXEL_VARIANCE
    return area, center, covariance


Pairs = NDArray[np.int64]

_PARTNERS = 4


class Overlaps(NamedTuple):
    """Pairs of cells that share pixels: `source` in the first frame, `target` in the second."""

    source: Pairs
    target: Pairs
    pixels: Pairs

    def reversed(self) -> "Overlaps":
        """Return the pairs seen from the second frame, sorted by its cells."""
        order = np.argsort(self.target, kind="stable")
        return Overlaps(self.target[order], self.source[order], self.pixels[order])

    def take(self, index: NDArray[np.generic]) -> "Overlaps":
        """Return the pairs at `index`."""
        return Overlaps(self.source[index], self.target[index], self.pixels[index])


class CellRuns(NamedTuple):
    """The runs of a frame, cell by cell.

    Attributes
    ----------
    first : (N + 1,) int32
        Cell ``c`` has the runs ``first[c]`` up to, not including, ``first[c + 1]``.
    row, start, stop : (R,) int32
        Row, first column and column after the last of each run.
    """

    first: Ints
    row: Ints
    start: Ints
    stop: Ints


class Spans(NamedTuple):
    """The runs of a frame, row by row, each with its cell; as in `Runs`."""

    row_start: Ints
    start: Ints
    stop: Ints
    cell: Ints


def by_cell(runs: Runs) -> CellRuns:
    """Sort a frame's runs by cell."""
    return CellRuns(*sort_by_cell(runs.row_start, runs.start, runs.stop, runs.cell, runs.n_cells))


def overlaps_of(first: CellRuns, second: Runs, shift: Floats) -> Overlaps:
    """Count the pixels that each cell of `first`, moved by its shift, shares with each of `second`.

    Parameters
    ----------
    shift : (N, 2) float
        By how many pixels y, x each cell of `first` is moved; rounded to whole pixels.

    Returns
    -------
    Overlaps
        Sorted by source.
    """
    whole = np.rint(shift).astype(np.int64)
    here = Spans(second.row_start, second.start, second.stop, second.cell)
    found = np.empty((_PARTNERS * len(first.first), 3), np.int64)
    n = count_shared(first, whole, here, second.n_cells, found)
    if n > len(found):
        found = np.empty((n, 3), np.int64)
        count_shared(first, whole, here, second.n_cells, found)
    return Overlaps(*found[:n].T)


@kernel
def sort_by_cell(
    row_start: Ints, start: Ints, stop: Ints, cell: Ints, n_cells: int
) -> tuple[Ints, Ints, Ints, Ints]:
    """Sort runs by cell, counting first; within a cell the raster order stays."""
    first = np.zeros(n_cells + 1, np.int32)
    for run in range(len(cell)):
        first[cell[run] + 1] += 1
    for c in range(n_cells):
        first[c + 1] += first[c]
    place = np.empty(n_cells, np.int32)
    for c in range(n_cells):
        place[c] = first[c]
    rows, starts, stops = np.empty_like(start), np.empty_like(start), np.empty_like(start)
    for y in range(len(row_start) - 1):
        for run in range(row_start[y], row_start[y + 1]):
            k = place[cell[run]]
            rows[k], starts[k], stops[k] = y, start[run], stop[run]
            place[cell[run]] += 1
    return first, rows, starts, stops


@kernel
def count_shared(cells: CellRuns, shift: Pairs, others: Spans, n_others: int, found: Pairs) -> int:
    """Count shared pixels cell by cell; write the pairs that fit, return how many there are."""
    shared, met = np.zeros(n_others, np.int64), np.empty(n_others, np.int64)
    n = 0
    for cell in range(len(cells.first) - 1):
        n_met = 0
        for run in range(cells.first[cell], cells.first[cell + 1]):
            y = cells.row[run] + shift[cell, 0]
            if y < 0 or y >= len(others.row_start) - 1:
                continue
            a, b = cells.start[run] + shift[cell, 1], cells.stop[run] + shift[cell, 1]
            k = _first_beyond(others.stop, others.row_start[y], others.row_start[y + 1], a)
            while k < others.row_start[y + 1] and others.start[k] < b:
                other = others.cell[k]
                if shared[other] == 0:
                    met[n_met] = other
                    n_met += 1
                shared[other] += min(b, others.stop[k]) - max(a, others.start[k])
                k += 1
        for k in range(n_met):
            if n < found.shape[0]:
                found[n, 0], found[n, 1], found[n, 2] = cell, met[k], shared[met[k]]
            shared[met[k]] = 0
            n += 1
    return n


@kernel
def _first_beyond(stop: Ints, low: int, high: int, column: int) -> int:
    """Return the first of the runs `low` to `high` of a row that ends beyond `column`."""
    while low < high:
        middle = (low + high) // 2
        if stop[middle] > column:
            high = middle
        else:
            low = middle + 1
    return low
