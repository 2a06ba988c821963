"""The cells of all frames in one table: all that linking over time needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.events import Events, joined
from pyama_core.processing.tracking.params import TrackingParams
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


def assemble(
    rows: Sequence[tuple[int, Regions, Floats, Floats]],
    events: Sequence[Events],
    n_frames: int,
    params: TrackingParams,
) -> tuple[Movie, Events]:
    """Put the frames together.

    Parameters
    ----------
    rows : sequence of (frame, regions, velocity, drift)
        Each frame that the file holds: its cells, how far each is expected to move, (N, 2), and
        how far the field moved since the frame before, (2,).
    events : sequence of Events
        Where the cells of the frame before each of them went; none for the first.

    Returns
    -------
    movie : Movie
    events : Events
        All of them, cells numbered as in the movie.
    """
    if not rows:
        return Movie.empty(n_frames), joined([])
    held = np.array([row[0] for row in rows])
    cells = Regions.joined([row[1] for row in rows])
    counts = np.array([len(row[1]) for row in rows])
    drift = np.zeros((n_frames, 2))
    drift[held] = [row[3] for row in rows]
    movie = Movie(
        cells,
        np.repeat(held, counts),
        np.repeat(np.arange(len(held)), counts),
        np.concatenate([row[2] for row in rows]).astype(np.float32),
        np.cumsum(drift, axis=0),
        cells.diameter if params.max_distance is None else params.max_distance,
        held,
    )
    offset = np.cumsum(counts) - counts
    moved = [e.moved(a, b) for e, a, b in zip(events[1:], offset[:-1], offset[1:], strict=True)]
    return movie, joined(moved)
