"""The cells of one frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.raster.runs import distinct_labels, find_runs


@dataclass(frozen=True)
class Regions:
    """The cells of one frame, in ascending order of their ids.

    Everything is an array with one row per cell; what several features need is computed once.
    """

    labels: NDArray[Any]
    """``(H, W)`` cell ids, 0 is background."""
    runs: NDArray[np.int64]
    """``(n_runs, 4)``: row, first column, column after the last, cell id; see `find_runs`."""

    @classmethod
    def of(cls, labels: NDArray[Any]) -> "Regions":
        """Gather the cells of a label image."""
        return cls(labels, find_runs(labels))

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def cells(self) -> NDArray[np.int64]:
        """Cell ids, ascending."""
        return self._cells_and_index[0]

    @property
    def index(self) -> NDArray[np.int64]:
        """Which cell each run belongs to."""
        return self._cells_and_index[1]

    @property
    def area(self) -> NDArray[np.int64]:
        """Pixels of each cell."""
        return self._sums[:, 0]

    @property
    def centroid(self) -> NDArray[np.float64]:
        """``(n_cells, 2)``: x and y of the center in pixels, 0 at the center of the first one."""
        return self._sums[:, 1:3] / self._sums[:, :1]

    @property
    def bbox(self) -> NDArray[np.int64]:
        """``(n_cells, 4)``: x0, y0, x1, y1; the last two are exclusive."""
        return self._sums[:, 3:]

    @property
    def border_distance(self) -> NDArray[np.int64]:
        """Pixels between each bounding box and the nearest border of the frame."""
        height, width = self.labels.shape
        gaps: NDArray[np.int64] = np.abs(self.bbox - [0, 0, width, height])
        nearest: NDArray[np.int64] = gaps.min(axis=1)
        return nearest

    @cached_property
    def central_moments(self) -> NDArray[np.float64]:
        """``(n_cells, 3)``: mean of dx*dx, dx*dy and dy*dy about the center, px squared."""
        return _central_moments(self)

    def masks(self) -> Iterator[NDArray[np.bool_]]:
        """Give each cell's mask, cut to its bounding box."""
        for cell, (x0, y0, x1, y1) in zip(self.cells, self.bbox, strict=True):
            yield self.labels[y0:y1, x0:x1] == cell

    @cached_property
    def _cells_and_index(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return distinct_labels(self.runs[:, 3])

    @cached_property
    def _sums(self) -> NDArray[np.int64]:
        sums = np.empty((len(self), 7), dtype=np.int64)
        sum_runs(self.runs, self.index, sums)
        return sums


@kernel
def sum_runs(runs: NDArray[np.int64], index: NDArray[np.int64], sums: NDArray[np.int64]) -> None:
    """Add up per cell: area, sum of x, sum of y, and the bounding box.

    Columns of `sums`, ``(n_cells, 7)``: area, x, y, x0, y0, x1, y1; `index` says which cell a
    run belongs to.
    """
    sums[:, :3] = 0
    sums[:, 3:5] = np.iinfo(np.int64).max
    sums[:, 5:] = 0
    for i in range(runs.shape[0]):
        row, start, stop = runs[i, 0], runs[i, 1], runs[i, 2]
        cell = sums[index[i]]
        length = stop - start
        cell[0] += length
        cell[1] += (start + stop - 1) * length // 2
        cell[2] += row * length
        cell[3] = min(cell[3], start)
        cell[4] = min(cell[4], row)
        cell[5] = max(cell[5], stop)
        cell[6] = max(cell[6], row + 1)


def _central_moments(regions: Regions) -> NDArray[np.float64]:
    """Moments from the runs in closed form, about a pixel near the center to keep digits."""
    near = np.rint(regions.centroid).astype(np.int64)
    row, start, stop = regions.runs[:, :3].T
    x0, y0 = near[regions.index].T
    a, b, dy = start - x0, stop - x0, row - y0
    sum_x = (a + b - 1) * (b - a) // 2
    sum_xx = _squares_below(b) - _squares_below(a)
    sums = (sum_xx, sum_x * dy, dy * dy * (b - a))
    n = len(regions)
    means = [np.bincount(regions.index, s, n) / regions.area for s in sums]
    dx, dy = (regions.centroid - near).T
    return np.stack([means[0] - dx * dx, means[1] - dx * dy, means[2] - dy * dy], axis=1)


def _squares_below(n: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum of the squares of 0 ... n-1, of which differences hold for negative n too."""
    return (n - 1) * n * (2 * n - 1) // 6
