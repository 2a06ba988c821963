"""What linking knows of the cells of one frame: size, place and shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.tracking.runs import Runs

Floats = NDArray[np.float64]

_PIXEL_VARIANCE = 1 / 12


@dataclass(frozen=True)
class Regions:
    """The cells of one frame, one row each.

    Attributes
    ----------
    area : (N,) float64
        Pixels.
    center : (N, 2) float64
        Centroid y, x in pixels, 0 at the center of the first pixel.
    covariance : (N, 2, 2) float64
        Second central moments of the cell's pixels, each a unit square.
    box : (N, 4) int64
        Bounding box: first row, first column, row after the last, column after the last.
    """

    area: Floats
    center: Floats
    covariance: Floats
    box: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.area)

    @property
    def axes(self) -> Floats:
        """(N, 2) lengths of the minor and major axis of the ellipse with the same moments."""
        return 4 * np.sqrt(np.linalg.eigvalsh(self.covariance))

    @property
    def direction(self) -> Floats:
        """(N, 2) unit vector y, x along the major axis."""
        return np.linalg.eigh(self.covariance)[1][:, :, 1]


def measure(runs: Runs) -> Regions:
    """Measure every cell of a frame."""
    sums, box = sum_runs(runs.row_start, runs.start, runs.stop, runs.cell, runs.n_cells)
    area = sums[:, 0]
    center = sums[:, 1:3] / area[:, None]
    second = sums[:, [3, 4, 4, 5]].reshape(-1, 2, 2) / area[:, None, None]
    covariance = second - center[:, :, None] * center[:, None, :]
    return Regions(area, center, covariance + _PIXEL_VARIANCE * np.eye(2), box)


@kernel
def sum_runs(row_start, start, stop, cell, n_cells):  # type: ignore[no-untyped-def]
    """Sum 1, y, x, y*y, y*x, x*x over each cell's pixels, and find its bounding box."""
    sums = np.zeros((n_cells, 6), np.float64)
    box = np.zeros((n_cells, 4), np.int64)
    for y in range(len(row_start) - 1):
        for run in range(row_start[y], row_start[y + 1]):
            c, a, b = cell[run], start[run], stop[run]
            n = b - a
            x = 0.5 * (a + b - 1) * n
            xx = (b * (b - 1.0) * (2 * b - 1) - a * (a - 1.0) * (2 * a - 1)) / 6
            if sums[c, 0] == 0:
                box[c, 0], box[c, 1], box[c, 3] = y, a, b
            sums[c, 0] += n
            sums[c, 1] += y * n
            sums[c, 2] += x
            sums[c, 3] += y * y * n
            sums[c, 4] += y * x
            sums[c, 5] += xx
            box[c, 1], box[c, 2], box[c, 3] = min(box[c, 1], a), y + 1, max(box[c, 3], b)
    return sums, box
