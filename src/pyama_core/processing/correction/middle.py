"""The median of many values at once."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

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
