"""How a frame is divided: patches, and half-overlapping tiles made of them."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.spline import Floats
from pyama_core.processing.raster import bitmask as bits

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


def fill_from_neighbors(grid: Floats) -> Floats:
    """Fill NaN in a grid ``(ny, nx)`` with the mean of its known neighbors, inwards ring by ring.

    A grid without any value stays as it is.
    """
    filled = grid.copy()
    while np.isnan(filled).any() and not np.isnan(filled).all():
        known = ~np.isnan(filled)
        total = _sum_3x3(np.where(known, filled, 0.0))
        near = _sum_3x3(known.astype(np.float64))
        reached = ~known & (near > 0)
        filled[reached] = total[reached] / near[reached]
    return filled


def fill_over_time(values: NDArray[np.float64], missing: NDArray[np.bool_]) -> Floats:
    """Fill whole frames of NaN from the frames before and after, linearly in time.

    Parameters
    ----------
    values
        ``(T, ...)``; a frame is unknown where all of it is NaN.
    missing
        ``(T,)`` frames that stay NaN and that nothing is taken from.
    """
    unknown = np.isnan(values.reshape(len(values), -1)).all(axis=1)
    known = np.flatnonzero(~unknown & ~missing)
    filled = values.copy()
    if not len(known):
        return filled
    for t in np.flatnonzero(unknown & ~missing):
        after = int(np.searchsorted(known, t))
        left, right = known[max(after - 1, 0)], known[min(after, len(known) - 1)]
        share = 0.0 if left == right else (t - left) / (right - left)
        filled[t] = (1 - share) * values[left] + share * values[right]
    return filled


def _sum_3x3(grid: Floats) -> Floats:
    padded = np.pad(grid, 1)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])


Mask = NDArray[np.bool_]


def widen(mask: NDArray[Any], margin: int) -> Mask:
    """Widen cells by a square of ``2 * margin + 1`` pixels; outside the frame is no cell.

    Parameters
    ----------
    mask
        ``(H, W)``, True or a label where a cell is.
    margin
        Pixels by which cells grow in each of the eight directions.

    Returns
    -------
    ``(H, W)`` bool.
    """
    cells = bits.pack(mask if mask.dtype == np.bool_ else mask > 0)
    bits.dilate(cells, mask.shape[1], 2 * margin + 1)
    return bits.unpack(cells, mask.shape[1])


MAD_TO_SIGMA = 1.4826
"""From the median absolute deviation to the standard deviation of a normal distribution."""
_FLASH_SIGMAS = 5.0
"""A frame further than this from what its neighbors say keeps its own background."""


def smooth_over_time(surfaces: Floats, window: int) -> Floats:
    """Smooth surfaces by a running median over frames, each frame keeping its own level.

    Near the ends the window shrinks symmetrically, so a drift stays a drift. A frame whose shape
    differs from the median of its neighbors by far more than frames usually do (Hampel's rule;
    Pearson, IEEE Trans. Control Syst. Technol. 10, 2002) keeps its own background: a flash does
    not leak, nor is it smoothed away.

    Parameters
    ----------
    surfaces
        ``(T, ny, nx)`` counts; NaN in missing frames, which stay so and are not counted.
    window
        Odd number of frames; 1 returns the surfaces as they are.
    """
    present = np.flatnonzero(~np.isnan(surfaces[:, 0, 0]))
    if window == 1 or not len(present):
        return surfaces
    own = surfaces[present]
    shapes = own - np.median(own, axis=(1, 2), keepdims=True)
    smooth = np.stack([_median_around(shapes, i, window // 2) for i in range(len(own))])
    smooth += np.median(own - smooth, axis=(1, 2), keepdims=True)
    flashes = _far(np.abs(own - smooth).max(axis=(1, 2)))
    smooth[flashes] = own[flashes]
    smoothed = surfaces.copy()
    smoothed[present] = smooth
    return smoothed


def _median_around(shapes: Floats, i: int, reach: int) -> Floats:
    reach = min(reach, i, len(shapes) - 1 - i)
    return np.asarray(np.median(shapes[i - reach : i + reach + 1], axis=0))


def _far(distance: Floats) -> NDArray[np.bool_]:
    usual = np.median(distance)
    sigma = MAD_TO_SIGMA * np.median(np.abs(distance - usual))
    return np.asarray(distance > usual + _FLASH_SIGMAS * sigma)
