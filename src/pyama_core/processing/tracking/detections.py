"""The cells of all frames in one table: all that linking over time needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.hypotheses import Events, joined
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


def members(count: Ints) -> tuple[Ints, Ints]:
    """Return, for groups of so many members, the group of each member and its place therein."""
    group = np.repeat(np.arange(len(count)), count)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(count) - count, count)


def pairs_within(first: Floats, second: Floats, reach: float) -> tuple[Ints, Ints, Floats]:
    """Find the points of two sets that are less than `reach` apart.

    Parameters
    ----------
    first, second : (N, 2), (M, 2) float
        Points y, x.

    Returns
    -------
    i, j : (K,) int64
        Which point of either set.
    away : (K,) float64
        How far apart they are.
    """
    if len(first) == 0 or len(second) == 0 or reach <= 0:
        none = np.empty(0, np.int64)
        return none, none, np.empty(0)
    i, j = _in_neighboring_bands(first, second, reach)
    away = np.hypot(*(first[i] - second[j]).T)
    near = away < reach
    return i[near], j[near], away[near]


def _in_neighboring_bands(first: Floats, second: Floats, reach: float) -> tuple[Ints, Ints]:
    """Pair points that are within reach along x and in the same or the next band of its height.

    Bands are laid one behind the other, so that the points of a stretch follow each other.
    """
    left = min(first[:, 1].min(), second[:, 1].min())
    length = max(first[:, 1].max(), second[:, 1].max()) - left + 3 * reach
    here, there = (np.floor(p[:, 0] / reach) * length + p[:, 1] - left for p in (first, second))
    order = np.argsort(there, kind="stable")
    pairs = []
    for band in (-length, 0, length):
        start = np.searchsorted(there[order], here + band - 1.001 * reach)
        stop = np.searchsorted(there[order], here + band + 1.001 * reach)
        i, place = members(stop - start)
        pairs.append((i, order[start[i] + place]))
    i, j = np.concatenate(pairs, axis=1)
    return i, j


def pairs_after(
    movie: Movie, cells: Ints, later: Ints, lag: int, reach: float
) -> tuple[Ints, Ints, Floats]:
    """Find where, `lag` held frames later, cells are near the places they should have moved to.

    Parameters
    ----------
    cells, later : (N,), (M,) int64
        Cells of the movie.

    Returns
    -------
    i, j : (K,) int64
        Which of either.
    away : (K,) float64
        How far from the expected place.
    """
    order = movie.order[cells] + lag
    frame = movie.held[np.minimum(order, len(movie.held) - 1)]
    passed = (frame - movie.frame[cells])[:, None]
    expected = movie.steady_center(cells) + movie.velocity[cells] * passed
    found = movie.steady_center(later)
    between_frames = np.ptp(np.concatenate([expected[:, 0], found[:, 0], [0]])) + 2 * reach
    expected[:, 0] += order * between_frames
    found[:, 0] += movie.order[later] * between_frames
    return pairs_within(expected, found, reach)
