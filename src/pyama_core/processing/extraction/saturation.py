"""Pixels at the camera's limit: where it lies, and how many of a cell's pixels are there.

The limit is the greatest number that the file's significant bits can state, or that the pixels'
type can hold, if any pixel of a cell reaches it. Many cameras end earlier (12 bits in a 16-bit file
that does not say so, an offset taken off, pixels binned): then the histogram of the cells' pixels
ends in a spike, since all light beyond the limit is counted there. The greatest value is taken for
the limit where so many pixels have exactly this value that the tail of an unclipped histogram, in
which counts fall towards the end, cannot explain it:

- at ``2**k - 1`` (255 and more), at least `_LEAST_AT_ROUND` pixels, and more than `_SPIKE_AT_ROUND`
  times as many as at any of the 5 next lower values that occur;
- anywhere else at least `_LEAST` pixels and more than `_SPIKE` times as many, and lower values lie
  close to it and to each other: a flat object above everything else is no clipped histogram.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.extraction.regions import Regions
from pyama_core.processing.kernels import kernel

_LEVELS: Final = 16
"""Distinct values that are counted, from the greatest down."""
_NEIGHBORS: Final = 5
_LEAST: Final = 10
_SPIKE: Final = 4
_LEAST_AT_ROUND: Final = 5
_SPIKE_AT_ROUND: Final = 3
_LEAST_ROUND: Final = 255
"""The greatest value of 8 bits, the fewest that cameras have."""
_LEAST_SHOULDER: Final = 8
"""Distinct lower values without which no histogram is seen that could have been clipped."""
_WIDEST_GAP: Final = 8
"""Between the limit and the next value, in median gaps of the values below: random gaps, which are
exponential, are wider in 1 of 250 cases."""


class SaturationMeter:
    """Finds the limit of one channel while its frames pass by once.

    Parameters
    ----------
    significant_bits
        Bits that the camera fills, where the file says so.
    """

    def __init__(self, significant_bits: int | None = None) -> None:
        self._bits = significant_bits
        self._greatest_of_type = np.inf
        self._levels = np.zeros((_LEVELS, 2))
        self._levels[:, 0] = -np.inf

    def note(self, regions: Regions, raw: NDArray[Any]) -> NDArray[np.float64]:
        """Take in a frame.

        Returns
        -------
        NDArray
            ``(n_cells, 2)``: each cell's greatest raw value, and how many pixels have it.
        """
        if raw.dtype.kind in "iu":
            self._greatest_of_type = float(np.iinfo(raw.dtype).max)
        greatest = np.zeros((len(regions), 2))
        greatest[:, 0] = -np.inf
        find_greatest(raw, regions.runs, regions.index, greatest, self._levels)
        return greatest

    def limit(self) -> float:
        """Return the value at which pixels are saturated; infinite where none is."""
        values, counts = self._levels[self._levels[:, 1] > 0].T
        if not len(values):
            return np.inf
        stated = np.inf if self._bits is None else 2.0**self._bits - 1
        if values[0] == stated or values[0] == self._greatest_of_type:
            return float(values[0])
        return float(values[0]) if ends_in_spike(values, counts) else np.inf


def ends_in_spike(values: NDArray[np.float64], counts: NDArray[np.float64]) -> bool:
    """Return whether a histogram ends as that of clipped pixels does.

    Parameters
    ----------
    values, counts
        The greatest distinct values, descending, and how many pixels have each.
    """
    others = counts[1 : 1 + _NEIGHBORS].max(initial=0)
    if values[0] >= _LEAST_ROUND and np.log2(values[0] + 1).is_integer():
        return bool(counts[0] >= _LEAST_AT_ROUND and counts[0] > _SPIKE_AT_ROUND * others)
    if len(values) <= _LEAST_SHOULDER or counts[0] < _LEAST or counts[0] <= _SPIKE * others:
        return False
    gaps = -np.diff(values)
    return bool(gaps[0] <= _WIDEST_GAP * np.median(gaps[1:]))


@kernel
def find_greatest(
    image: NDArray[Any],
    runs: NDArray[np.int64],
    index: NDArray[np.int64],
    greatest: NDArray[np.float64],
    levels: NDArray[np.float64],
) -> None:
    """Find the greatest finite pixel of each cell and count it, and count the greatest of all.

    Runs are first asked for their greatest pixel, many pixels at a time; few matter then.
    """
    flat, width = image.reshape(-1), image.shape[1]
    tops = np.empty(runs.shape[0], np.float64)
    for i in range(runs.shape[0]):
        tops[i] = _greatest_of_run(flat, width, runs[i])
        greatest[index[i], 0] = max(greatest[index[i], 0], tops[i])
    for i in range(runs.shape[0]):
        cell = greatest[index[i]]
        if tops[i] >= min(cell[0], levels[-1, 0]):
            first, stop = runs[i, 0] * width + runs[i, 1], runs[i, 0] * width + runs[i, 2]
            for value in flat[first:stop]:
                if value == cell[0]:
                    cell[1] += 1
                if value >= levels[-1, 0] and value - value == 0:
                    _count(levels, value)


@kernel
def _greatest_of_run(flat: NDArray[Any], width: int, run: NDArray[np.int64]) -> float:
    """Return the greatest finite pixel of a run; minus infinity where there is none.

    Unsigned places need no look at whether they count from the end, which would keep the compiler
    from comparing several pixels at once.
    """
    first, stop = np.uint64(run[0] * width + run[1]), np.uint64(run[0] * width + run[2])
    top = flat[first]
    for x in range(first, stop):
        if flat[x] > top:  # Unlike with max(), NaN is never the greatest but as the first.
            top = flat[x]
    if top - top == 0:
        return float(top)
    finite = -np.inf
    for x in range(first, stop):
        if flat[x] - flat[x] == 0:
            finite = max(finite, float(flat[x]))
    return finite


@kernel
def _count(levels: NDArray[np.float64], value: float) -> None:
    """Count a value among the greatest distinct ones, descending, which it may push out."""
    k = 0
    while levels[k, 0] > value:
        k += 1
    if levels[k, 0] < value:
        for j in range(levels.shape[0] - 1, k, -1):
            levels[j, 0] = levels[j - 1, 0]
            levels[j, 1] = levels[j - 1, 1]
        levels[k, 0] = value
        levels[k, 1] = 0
    levels[k, 1] += 1
