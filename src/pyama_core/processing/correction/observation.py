"""What the frames of one channel showed of their background, a little from each frame."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.masks import Mask
from pyama_core.processing.correction.medians import FrameMedians
from pyama_core.processing.correction.patches import PatchSeries
from pyama_core.processing.correction.spline import Floats
from pyama_core.processing.correction.tiles import Division

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
