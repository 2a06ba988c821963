"""Find again, a few frames later, the cells that were lost on the way.

Ends of tracks are joined to later beginnings in one assignment over all frames (the second step
of Jaqaman et al., Nature Methods 2008), each cell looked for where its movement would take it.
"""

import numpy as np

from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.events import Events, cheapest, joined, links, unexplained
from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.near import pairs_after
from pyama_core.processing.tracking.params import TrackingParams


def close_gaps(movie: Movie, events: Events, params: TrackingParams) -> Events:
    """Return `events` with links added across up to `max_gap` frames without the cell."""
    n = len(movie.frame)
    ends = np.flatnonzero(unexplained(n, events.source))
    begins = np.flatnonzero(unexplained(n, events.target))
    lags = range(2, params.max_gap + 2)
    found = cheapest(joined([_across(movie, ends, begins, lag) for lag in lags]), n)
    return joined([events, found]) if len(found.cost) else events


def _across(movie: Movie, ends: Ints, begins: Ints, lag: int) -> Events:
    """Explain ends by beginnings `lag` frames later, near where the cell would be, of its size."""
    reach = movie.reach * float(np.sqrt(lag))
    i, j, away = pairs_after(movie, ends, begins, lag, reach)
    unlike = movie.cells.take(ends[i]).unlike(movie.cells.take(begins[j]))
    return links(ends[i], begins[j], away / max(reach, 1e-9) + unlike)
