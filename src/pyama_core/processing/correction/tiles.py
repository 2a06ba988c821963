"""How a frame is divided: patches, and half-overlapping tiles made of them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Edges = NDArray[np.int64]

_LEAST_PATCHES, _MOST_PATCHES = 16, 64
"""Patches along an axis: enough for the shape of the light, few enough to keep."""
_FEWEST_PATCHES = 12
"""Patches along an axis however large they are asked for: fewer do not carry a surface's nodes."""
_USUAL_PATCH = 24
"""Edge of a patch, px, as far as their number allows."""
_LARGEST_PATCH = 170
"""Larger patches hold more pixels than 16 bits can count."""


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
    height, width = (
        Division.of(size, window, _carrying_patch(size, patch) if patch else _usual_patch(size))
        for size in shape
    )
    return height, width


def _carrying_patch(size: int, patch: int) -> int:
    return max(min(patch, size // _FEWEST_PATCHES), 1)


def _usual_patch(size: int) -> int:
    """Many patches over a small frame, not too many over a large one."""
    few, many = math.ceil(size / _MOST_PATCHES), math.ceil(size / _LEAST_PATCHES)
    return min(max(few, min(many, _USUAL_PATCH)), _LARGEST_PATCH)
