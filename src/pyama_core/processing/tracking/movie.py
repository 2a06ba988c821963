"""The cells of all frames in one table: all that linking over time needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.events import Events, joined
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import Floats, Regions


@dataclass(frozen=True)
class Movie:
    """Cells in order of their frames.

    Attributes
    ----------
    cells : Regions
        All cells of all frames.
    frame : (N,) int32
        The frame each cell is in.
    order : (N,) int32
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

    def steady_center(self, cells: Ints) -> Floats:
        """Return where cells are, (N, 2), as seen from the field of the first frame."""
        return self.cells.center[cells] - self.drift[self.frame[cells]]

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


class Summary(NamedTuple):
    """What is kept of a frame.

    Attributes
    ----------
    frame : int
        Which frame.
    regions : Regions
        Its cells.
    velocity : (N, 2) float
        How far each is expected to move until the next frame, y, x in pixels.
    drift : (2,) float
        How far the field moved since the frame before, y, x in pixels.
    events : Events
        Where the cells of the frame before went; none for the first frame.
    """

    frame: int
    regions: Regions
    velocity: Floats
    drift: Floats
    events: Events


def assemble(
    summaries: Sequence[Summary], n_frames: int, params: TrackingParams
) -> tuple[Movie, Events]:
    """Put the frames together.

    Parameters
    ----------
    summaries : sequence of Summary
        Of the frames that the file holds, in order.
    n_frames : int
        Number of frames, also those not held.
    params : TrackingParams

    Returns
    -------
    movie : Movie
    events : Events
        All of them, cells numbered as in the movie.
    """
    if not summaries:
        return Movie.empty(n_frames), joined([])
    held = np.array([s.frame for s in summaries])
    cells = Regions.joined([s.regions for s in summaries])
    counts = np.array([len(s.regions) for s in summaries])
    drift = np.zeros((n_frames, 2))
    drift[held] = [s.drift for s in summaries]
    movie = Movie(
        cells,
        np.repeat(held.astype(np.int32), counts),
        np.repeat(np.arange(len(held), dtype=np.int32), counts),
        np.concatenate([s.velocity for s in summaries], dtype=np.float32),
        np.cumsum(drift, axis=0),
        cells.diameter if params.max_distance is None else params.max_distance,
        held,
    )
    offset = np.cumsum(counts) - counts
    per_frame = [len(s.events.cost) for s in summaries[1:]]
    sources, targets = np.repeat(offset[:-1], per_frame), np.repeat(offset[1:], per_frame)
    return movie, joined([s.events for s in summaries[1:]]).moved(sources, targets)
