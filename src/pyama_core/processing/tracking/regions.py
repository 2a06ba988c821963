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
    sums = sum_runs(runs.row_start, runs.start, runs.stop, runs.cell, runs.n_cells)
    area, center = sums[:, 0], sums[:, 1:3] / sums[:, :1]
    second = sums[:, [3, 4, 4, 5]].reshape(-1, 2, 2) / area[:, None, None]
    covariance = second - center[:, :, None] * center[:, None, :] + _PIXEL_VARIANCE * np.eye(2)
    return Regions(
        area.astype(np.float32),
        center.astype(np.float32),
        covariance.astype(np.float32),
        _at_border(runs),
    )


def _at_border(runs: Runs) -> NDArray[np.bool_]:
    """Tell which cells have a pixel in the first or last row or column."""
    touching = np.zeros(runs.n_cells, np.bool_)
    touching[runs.cell[: runs.row_start[1]]] = True
    touching[runs.cell[runs.row_start[-2] :]] = True
    touching[runs.cell[(runs.start == 0) | (runs.stop == runs.width)]] = True
    return touching


@kernel
def sum_runs(row_start: Ints, start: Ints, stop: Ints, cell: Ints, n_cells: int) -> Floats:
    """Sum 1, y, x, y*y, y*x, x*x over each cell's pixels."""
    sums = np.zeros((n_cells, 6), np.float64)
    for y in range(len(row_start) - 1):
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
    return sums
