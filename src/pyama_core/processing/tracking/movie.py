"""The cells of all frames in one table: all that linking over time needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.regions import Floats, Regions

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Movie:
    """Cells in order of their frames.

    Attributes
    ----------
    cells : Regions
        All cells of all frames.
    frame : (N,) int64
        The frame each cell is in.
    order : (N,) int64
        That frame's place among the frames the file holds.
    velocity : (N, 2) float32
        How far each cell is expected to move to the next frame, drift apart, y, x in pixels.
    drift : (T, 2) float64
        Displacement of the field since the first frame, y, x in pixels.
    reach : float
        How far beside its expected place a cell is looked for, pixels.
    held : (K,) int64
        The frames that the file holds.
    """

    cells: Regions
    frame: Ints
    order: Ints
    velocity: Floats
    drift: Floats
    reach: float
    held: Ints

    @classmethod
    def empty(cls, n_frames: int) -> "Movie":
        """Return a movie without cells."""
        none = np.empty(0, np.int64)
        return cls(Regions.none(), none, none, np.empty((0, 2)), np.zeros((n_frames, 2)), 0.0, none)

    @property
    def first_frame(self) -> int:
        """The first frame held, 0 when there is none."""
        return int(self.held.min(initial=0))

    @property
    def last_frame(self) -> int:
        """The last frame held, 0 when there is none."""
        return int(self.held.max(initial=0))
