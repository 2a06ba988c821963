"""Find again, a few frames later, the cells that were lost on the way.

Ends of tracks are joined to later beginnings in one assignment over all frames (the second step
of Jaqaman et al., Nature Methods 2008), each cell looked for where its movement would take it.
"""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.events import Events, cheapest, joined, links, unexplained
from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.params import TrackingParams

Ints = NDArray[np.int64]


def close_gaps(movie: Movie, events: Events, params: TrackingParams) -> Events:
    """Return `events` with links added across up to `max_gap` frames without the cell."""
    n = len(movie.frame)
    ends = np.flatnonzero(unexplained(n, events.source))
    begins = np.flatnonzero(unexplained(n, events.target))
    candidates = [
        _across(movie, ends[movie.order[ends] == order], begins, skipped + 1)
        for skipped in range(1, params.max_gap + 1)
        for order in range(int(movie.order.max(initial=0)) - skipped)
    ]
    found = cheapest(joined(candidates), n)
    return joined([events, found]) if len(found.cost) else events


def _across(movie: Movie, ends: Ints, begins: Ints, steps: int) -> Events:
    """Explain ends by beginnings so many steps later, near where the cell would be, of its size."""
    if len(ends) == 0:
        return links(ends, ends, np.empty(0))
    begins = begins[movie.order[begins] == movie.order[ends[0]] + steps]
    if len(begins) == 0:
        return links(begins, begins, np.empty(0))
    start, stop = movie.frame[ends[0]], movie.frame[begins[0]]
    moved = movie.velocity[ends] * (stop - start) + movie.drift[stop] - movie.drift[start]
    expected = movie.cells.center[ends] + moved
    away = np.linalg.norm(expected[:, None] - movie.cells.center[begins][None], axis=2)
    reach = movie.reach * np.sqrt(steps)
    i, j = np.nonzero(away < reach)
    unlike = movie.cells.take(ends[i]).unlike(movie.cells.take(begins[j]))
    return links(ends[i], begins[j], away[i, j] / reach + unlike)
