"""What the patches of all frames say about the background, kept small."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.medians import Patches
from pyama_core.processing.correction.middle import median_of_greatest
from pyama_core.processing.correction.smoothing import MAD_TO_SIGMA
from pyama_core.processing.correction.spline import Floats
from pyama_core.processing.correction.tiles import Division

_VALUES_AT_ONCE = 1 << 17
"""Patch values that are worked on together, so that memory does not grow with the frames."""


@dataclass(frozen=True)
class PatchBlock:
    """Patches of a few frames, everything ``(frames, patches)``."""

    at: slice
    """Which frames."""
    typical: NDArray[np.bool_]
    """``(frames,)``."""
    medians: Floats
    pixels: Floats
    shifts: Floats
    """``(2, frames, patches)``."""


@dataclass(frozen=True)
class PatchSeries:
    """Patches of every frame."""

    medians: NDArray[np.float32]
    """``(T, py, px)`` counts; 0 where a patch has no cell-free pixels."""
    pixels: NDArray[np.uint16]
    """``(T, py, px)`` cell-free pixels."""
    shifts: NDArray[np.float16]
    """``(2, T, py, px)`` how far along y and x they lie from the patch's center on average, px."""
    centers: tuple[Floats, Floats]
    """Positions of the patches along y and x, px."""
    outlying: NDArray[np.bool_]
    """``(T,)`` frames from which nothing is learned about the others."""

    @classmethod
    def of(cls, n_frames: int, divisions: tuple[Division, Division]) -> Self:
        """Nothing seen yet."""
        y, x = divisions
        grid = (n_frames, y.n_patches, x.n_patches)
        return cls(
            np.zeros(grid, dtype=np.float32),
            np.zeros(grid, dtype=np.uint16),
            np.zeros((2, *grid), dtype=np.float16),
            (y.patch_centers, x.patch_centers),
            np.zeros(n_frames, np.bool_),
        )

    @property
    def typical(self) -> NDArray[np.bool_]:
        """``(T,)`` frames with cell-free pixels that are not outlying."""
        return np.asarray(self.pixels.any(axis=(1, 2)) & ~self.outlying)

    def note(self, t: int, patches: Patches) -> None:
        """Keep the patches of frame `t`."""
        seen = patches.pixels > 0
        self.medians[t] = np.where(seen, patches.medians, 0)
        self.pixels[t] = patches.pixels
        self.shifts[:, t] = np.where(seen, patches.shifts, 0)

    def blocks(self) -> Iterator[PatchBlock]:
        """Give the frames a few at a time."""
        n, typical = self.medians[0].size, self.typical
        step = max(_VALUES_AT_ONCE // n, 1)
        for start in range(0, len(self.medians), step):
            at = slice(start, start + step)
            yield PatchBlock(
                at,
                typical[at],
                self.medians[at].reshape(-1, n).astype(np.float64),
                self.pixels[at].reshape(-1, n).astype(np.float64),
                self.shifts[:, at].reshape(2, -1, n).astype(np.float64),
            )


def noise_of(residuals: Floats, pixels: Floats) -> float:
    """Robust standard deviation of one pixel, from residuals of patches of so many pixels."""
    n_seen = int(np.count_nonzero(pixels))
    if n_seen == 0:
        return 0.0
    deviations = np.abs(residuals) * np.sqrt(pixels)
    return MAD_TO_SIGMA * median_of_greatest(deviations, n_seen)
