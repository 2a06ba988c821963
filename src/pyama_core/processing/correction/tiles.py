"""How a frame is divided: patches, and half-overlapping tiles made of them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Edges = NDArray[np.int64]

_PATCHES_PER_FRAME = 64
"""Patches are about this fraction of the longer side, so their number stays small."""
_LEAST_PATCH, _LARGEST_PATCH = 24, 170
"""Smaller patches hold too few pixels for a median, larger ones more than 16 bits can count."""


@dataclass(frozen=True)
class Division:
    """One axis divided into tiles, each of two halves, each half of whole patches."""

    size: int
    halves: Edges
    """Edges of the half tiles: tile i covers ``[halves[i], halves[i + 2])``."""
    patches: Edges
    """Edges of the patches; every edge of a half is one of them."""

    @classmethod
    def of(cls, size: int, window: int, patch: int) -> "Division":
        """Divide `size` pixels into tiles of about `window` and patches of about `patch` pixels."""
        divisions = max(math.ceil(size / window) + 1, 2)
        halves = np.rint(np.linspace(0, size, 2 * divisions - 1)).astype(np.int64)
        per_half = max(round(size / (len(halves) - 1) / patch), 1)
        at = np.arange((len(halves) - 1) * per_half + 1) / per_half
        inside = np.interp(at, np.arange(len(halves)), halves)
        return cls(size, halves, np.rint(inside).astype(np.int64))

    @property
    def tile_centers(self) -> NDArray[np.float64]:
        """Where PyAMA puts a tile's median: half-way between its edges, px."""
        return np.asarray((self.halves[:-2] + self.halves[2:]) / 2)

    @property
    def patch_centers(self) -> NDArray[np.float64]:
        """Mean position of each patch's pixels, px."""
        return np.asarray((self.patches[:-1] + self.patches[1:] - 1) / 2)

    @property
    def patches_per_half(self) -> int:
        """Patches in half a tile."""
        return self.n_patches // (len(self.halves) - 1)

    def tile(self, i: int) -> slice:
        """Pixels of tile `i`."""
        return slice(self.halves[i], self.halves[i + 2])

    @property
    def n_tiles(self) -> int:
        """Number of tiles."""
        return len(self.halves) - 2

    @property
    def n_patches(self) -> int:
        """Number of patches."""
        return len(self.patches) - 1


def divide(shape: tuple[int, int], window: int, patch: int | None) -> tuple[Division, Division]:
    """Divide both axes of a frame; patches are chosen by its size where `patch` is None."""
    if patch is None:
        usual = math.ceil(max(shape) / _PATCHES_PER_FRAME)
        patch = min(max(usual, _LEAST_PATCH), _LARGEST_PATCH)
    return Division.of(shape[0], window, patch), Division.of(shape[1], window, patch)
