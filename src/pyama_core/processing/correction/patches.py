"""What the patches of all frames say about the background, kept small."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.smoothing import MAD_TO_SIGMA
from pyama_core.processing.correction.spline import Floats
from pyama_core.processing.correction.tiles import Division

_VALUES_AT_ONCE = 1 << 17
"""Patch values that are worked on together, so that memory does not grow with the frames."""


@dataclass(frozen=True)
class PatchSeries:
    """Patch medians of every frame."""

    medians: NDArray[np.float32]
    """``(T, py, px)`` counts; 0 where a patch has no cell-free pixels."""
    pixels: NDArray[np.int32]
    """``(T, py, px)`` cell-free pixels."""
    centers: tuple[Floats, Floats]
    """Positions of the patches along y and x, px."""

    @classmethod
    def of(cls, n_frames: int, divisions: tuple[Division, Division]) -> Self:
        """Nothing seen yet."""
        y, x = divisions
        grid = (n_frames, y.n_patches, x.n_patches)
        centers = y.patch_centers, x.patch_centers
        return cls(np.zeros(grid, dtype=np.float32), np.zeros(grid, dtype=np.int32), centers)

    def blocks(self) -> Iterator[tuple[slice, Floats, Floats]]:
        """Give frames block by block: which, medians and pixels as ``(frames, patches)``."""
        n = self.medians[0].size
        step = max(_VALUES_AT_ONCE // n, 1)
        for start in range(0, len(self.medians), step):
            at = slice(start, start + step)
            medians = self.medians[at].reshape(-1, n).astype(np.float64)
            yield at, medians, self.pixels[at].reshape(-1, n).astype(np.float64)


def noise_of(residuals: Floats, pixels: Floats) -> float:
    """Robust standard deviation of one pixel, from residuals of patches of so many pixels."""
    seen = pixels > 0
    if not seen.any():
        return 0.0
    return float(MAD_TO_SIGMA * np.median(np.abs(residuals[seen]) * np.sqrt(pixels[seen])))
