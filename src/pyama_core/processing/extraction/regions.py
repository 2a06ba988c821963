"""The cells of one frame, and what is measured on them in one image."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.extraction.runs import find_runs, read_only, sum_runs
from pyama_core.processing.kernels import kernel

_DENSE_LABELS: Final = 1 << 22
_IMAGE_TYPES: Final = tuple(np.dtype(name) for name in ("uint8", "uint16", "float32", "float64"))


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
        return _distinct(self.runs[:, 3])

    @cached_property
    def _sums(self) -> NDArray[np.int64]:
        sums = np.empty((len(self), 7), dtype=np.int64)
        sum_runs(self.runs, self.index, sums)
        return sums


@dataclass(frozen=True)
class Signal:
    """What the cells of one frame show in one image.

    NaN pixels are left out. A cell without any other pixel has NaN for every measurement.
    """

    regions: Regions
    image: NDArray[Any]
    """``(H, W)``, C-contiguous, in a type the kernels take."""

    @classmethod
    def of(cls, regions: Regions, image: NDArray[Any]) -> "Signal":
        """Measure `image` on `regions`, which are of the same shape."""
        if image.dtype not in _IMAGE_TYPES:
            image = image.astype(np.float64)
        return cls(regions, read_only(image))

    def __len__(self) -> int:
        return len(self.regions)

    @cached_property
    def count(self) -> NDArray[np.float64]:
        """Pixels of each cell that have a value; NaN where none has."""
        return np.where(self._sums[:, 0] > 0, self._sums[:, 0], np.nan)

    @cached_property
    def total(self) -> NDArray[np.float64]:
        """Sum of the pixels of each cell, in float64."""
        return np.where(self._sums[:, 0] > 0, self._sums[:, 1], np.nan)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean of the pixels of each cell."""
        return self.total / self.count

    @cached_property
    def spread(self) -> NDArray[np.float64]:
        """``(n_cells, 3)``: least and greatest pixel, and the mean squared distance to the mean."""
        spread = np.empty((len(self), 3))
        spread_pixels(self.image, self.regions.runs, self.regions.index, self.mean, spread)
        spread[np.isnan(self.count)] = np.nan
        spread[:, 2] /= self.count
        return spread

    def of_pixels(self, measure: Callable[[NDArray[Any]], float]) -> NDArray[np.float64]:
        """Measure each cell by a function of its pixel values, a 1-D array without NaN."""
        values = [measure(pixels) if pixels.size else np.nan for pixels in self.pixels]
        return np.array(values, dtype=np.float64)

    @cached_property
    def pixels(self) -> list[NDArray[Any]]:
        """Pixel values of each cell, without NaN."""
        ends = np.cumsum(self.regions.area)
        values = np.empty(int(ends[-1]) if len(ends) else 0, dtype=self.image.dtype)
        at = ends - self.regions.area
        gather_pixels(self.image, self.regions.runs, self.regions.index, at, values)
        pixels = np.split(values, ends[:-1]) if len(ends) else []
        if np.array_equal(self.count, self.regions.area):
            return pixels
        return [part[~np.isnan(part)] for part in pixels]

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        sums = np.zeros((len(self), 2))
        add_up_pixels(self.image, self.regions.runs, self.regions.index, sums)
        return sums


@kernel
def add_up_pixels(
    image: NDArray[Any],
    runs: NDArray[np.int64],
    index: NDArray[np.int64],
    sums: NDArray[np.float64],
) -> None:
    """Add to `sums`, ``(n_cells, 2)``, the number of pixels that are not NaN, and their total."""
    for i in range(runs.shape[0]):
        total = 0.0
        n_pixels = 0
        for value in image[runs[i, 0], runs[i, 1] : runs[i, 2]]:
            if value == value:
                total += value
                n_pixels += 1
        sums[index[i], 0] += n_pixels
        sums[index[i], 1] += total


@kernel
def spread_pixels(
    image: NDArray[Any],
    runs: NDArray[np.int64],
    index: NDArray[np.int64],
    means: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> None:
    """Find the least and greatest pixel, and the sum of squared distances to the mean."""
    spread[:, 0] = np.inf
    spread[:, 1] = -np.inf
    spread[:, 2] = 0.0
    for i in range(runs.shape[0]):
        cell = spread[index[i]]
        mean = means[index[i]]
        for value in image[runs[i, 0], runs[i, 1] : runs[i, 2]]:
            if value == value:
                cell[0] = min(cell[0], value)
                cell[1] = max(cell[1], value)
                cell[2] += (value - mean) ** 2


@kernel
def gather_pixels(
    image: NDArray[Any],
    runs: NDArray[np.int64],
    index: NDArray[np.int64],
    at: NDArray[np.int64],
    values: NDArray[Any],
) -> None:
    """Copy the pixels of each cell to `values` from where `at` says, which moves on."""
    for i in range(runs.shape[0]):
        for value in image[runs[i, 0], runs[i, 1] : runs[i, 2]]:
            values[at[index[i]]] = value
            at[index[i]] += 1


def _distinct(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sorted distinct labels, and where each label stands among them."""
    top = int(labels.max(initial=0))
    if top > _DENSE_LABELS:
        cells, index = np.unique(labels, return_inverse=True)
        return cells, index
    present = np.zeros(top + 1, dtype=bool)
    present[labels] = True
    cells = np.flatnonzero(present)
    return cells, (np.cumsum(present) - 1)[labels]


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
