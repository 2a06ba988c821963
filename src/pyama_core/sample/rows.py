"""Records of many cells, kept as arrays with one row per cell."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass
class Rows:
    """A dataclass whose fields are arrays with the same number of rows."""

    def take(self, index: NDArray[Any]) -> Self:
        """Return copies of the rows at `index`, indices or a boolean mask."""
        return type(self)(**{f.name: getattr(self, f.name)[index].copy() for f in fields(self)})

    def joined(self, other: Self) -> Self:
        """Return these rows followed by the other's."""
        pairs = {f.name: [getattr(self, f.name), getattr(other, f.name)] for f in fields(self)}
        return type(self)(**{name: np.concatenate(pair) for name, pair in pairs.items()})
