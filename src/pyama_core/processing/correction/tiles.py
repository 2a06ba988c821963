"""Overlapping tiles over a frame and the median of the background in each."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TileAxis:
    """Tiles along one axis: tile i covers ``[edges[i], edges[i + 2])``."""

    size: int
    edges: NDArray[np.int64]

    @classmethod
    def over(cls, size: int, window: int) -> "TileAxis":
        """Divide `size` pixels into half-overlapping tiles of about `window` pixels."""
        divisions = max(math.ceil(size / window) + 1, 2)
        edges = np.rint(np.linspace(0, size, 2 * divisions - 1)).astype(np.int64)
        return cls(size, edges)

    @property
    def centers(self) -> NDArray[np.float64]:
        """Positions of the tile centers, px."""
        return np.asarray((self.edges[:-2] + self.edges[2:]) / 2)

    def __len__(self) -> int:
        return len(self.edges) - 2
