"""What the patches of all frames say about the background, kept small."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.medians import FrameMedians, Patches, median_of_greatest
from pyama_core.processing.correction.spline import Floats
from pyama_core.processing.correction.tiles import MAD_TO_SIGMA, Division, Mask

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


Divisions = tuple[Division, Division]

_PIXELS_PER_AXIS = 48
"""Pixels along each axis that are kept of a frame to see what a correction leaves of them."""


@dataclass(frozen=True)
class PixelSample:
    """Single pixels on a lattice, the same in every frame."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float32]
    """``(T, len(rows), len(columns))`` counts; NaN where a cell is."""

    @classmethod
    def of(cls, n_frames: int, shape: tuple[int, int]) -> Self:
        """Spread the lattice over a frame."""
        rows, columns = (
            np.unique(np.linspace(0, size - 1, _PIXELS_PER_AXIS).astype(np.int64)) for size in shape
        )
        values = np.full((n_frames, len(rows), len(columns)), np.nan, dtype=np.float32)
        return cls(rows, columns, values)

    def note(self, t: int, frame: NDArray[Any], masked: Mask) -> None:
        """Keep the pixels of frame `t`, which lie in few of its rows."""
        values = frame[self.rows].take(self.columns, axis=1)
        self.values[t] = np.where(masked[self.rows].take(self.columns, axis=1), np.nan, values)


@dataclass(frozen=True)
class Observed:
    """Summaries of every frame, filled in frame by frame."""

    tiles: Floats
    """``(T, ny, nx)`` tile medians; NaN where all is cells or missing."""
    patches: PatchSeries
    pixels: PixelSample
    whole: Floats
    """``(T,)`` median of each frame's background, of all its pixels where all is cells."""
    masked_share: Floats
    """``(T,)``; NaN in missing frames."""

    @classmethod
    def nothing(cls, n_frames: int, divisions: Divisions) -> Self:
        """Nothing seen yet: every frame is missing."""
        y, x = divisions
        return cls(
            tiles=np.full((n_frames, y.n_tiles, x.n_tiles), np.nan),
            patches=PatchSeries.of(n_frames, divisions),
            pixels=PixelSample.of(n_frames, (y.size, x.size)),
            whole=np.full(n_frames, np.nan),
            masked_share=np.full(n_frames, np.nan),
        )

    @property
    def missing(self) -> NDArray[np.bool_]:
        """``(T,)`` frames that nothing was read from."""
        return np.isnan(self.masked_share)

    def see(self, t: int, frame: NDArray[Any], masked: Mask, medians: FrameMedians) -> None:
        """Note what frame `t` shows."""
        self.tiles[t] = medians.tiles
        self.patches.note(t, medians.patches)
        self.pixels.note(t, frame, masked)
        self.whole[t] = _median(frame) if np.isnan(medians.whole) else medians.whole
        self.masked_share[t] = 1 - medians.patches.pixels.sum() / frame.size


def _median(frame: NDArray[Any]) -> float:
    """Median of the finite pixels; NaN where there are none."""
    known = frame[np.isfinite(frame)]
    return float(np.median(known)) if known.size else np.nan
