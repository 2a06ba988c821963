"""What the cells of one frame show in one image."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.extraction.regions import Regions
from pyama_core.processing.kernels import kernel
from pyama_core.processing.stack import read_only

_IMAGE_TYPES: Final = tuple(np.dtype(name) for name in ("uint8", "uint16", "float32", "float64"))


@dataclass(frozen=True)
class Signal:
    """What the cells of one frame show in one image.

    Pixels that are not finite (NaN, infinite) are left out. A cell without any other pixel has NaN
    for every measurement.
    """

    regions: Regions
    image: NDArray[Any]
    """``(H, W)``, C-contiguous, in a type the kernels take."""

    @classmethod
    def of(cls, regions: Regions, image: NDArray[Any]) -> "Signal":
        """Measure `image` on `regions`, which are of the same shape."""
        return cls(regions, as_measurable(image))

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
    def n_left_out(self) -> NDArray[np.float64]:
        """Pixels of each cell that are not finite."""
        left_out: NDArray[np.float64] = self.regions.area - self._sums[:, 0]
        return left_out

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
        """Measure each cell by a function of its pixel values, a 1-D array of finite ones."""
        values = [measure(pixels) if pixels.size else np.nan for pixels in self.pixels]
        return np.array(values, dtype=np.float64)

    @cached_property
    def pixels(self) -> list[NDArray[Any]]:
        """Finite pixel values of each cell."""
        ends = np.cumsum(self.regions.area)
        values = np.empty(int(ends[-1]) if len(ends) else 0, dtype=self.image.dtype)
        at = ends - self.regions.area
        gather_pixels(self.image, self.regions.runs, self.regions.index, at, values)
        pixels = np.split(values, ends[:-1]) if len(ends) else []
        if np.array_equal(self.count, self.regions.area):
            return pixels
        return [part[np.isfinite(part)] for part in pixels]

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        sums = np.zeros((len(self), 2))
        add_up_pixels(self.image, self.regions.runs, self.regions.index, sums)
        return sums


def as_measurable(image: NDArray[Any]) -> NDArray[Any]:
    """Return an image as the kernels take it: read-only, in one of few types."""
    return read_only(image if image.dtype in _IMAGE_TYPES else image.astype(np.float64))


@kernel
def add_up_pixels(
    image: NDArray[Any],
    runs: NDArray[np.int64],
    index: NDArray[np.int64],
    sums: NDArray[np.float64],
) -> None:
    """Add to `sums`, ``(n_cells, 2)``, the number of finite pixels, and their total.

    Runs are added up without a look at each pixel; only one whose total is not finite is gone
    through.
    """
    for i in range(runs.shape[0]):
        pixels = image[runs[i, 0], runs[i, 1] : runs[i, 2]]
        n_pixels = pixels.size
        total = 0.0
        for value in pixels:
            total += value
        if total - total != 0:
            n_pixels = 0
            total = 0.0
            for value in pixels:
                if value - value == 0:
                    n_pixels += 1
                    total += value
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
    """Find the least and greatest finite pixel, and their sum of squared distances to the mean."""
    spread[:, 0] = np.inf
    spread[:, 1] = -np.inf
    spread[:, 2] = 0.0
    for i in range(runs.shape[0]):
        cell = spread[index[i]]
        mean = means[index[i]]
        for value in image[runs[i, 0], runs[i, 1] : runs[i, 2]]:
            if value - value == 0:
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
