"""What linking knows of the cells of a frame: size, place and shape."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.tracking.runs import Ints, Runs

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
