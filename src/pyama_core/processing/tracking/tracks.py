"""Say which cells every region is, and draw up the lineage."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.events import Events
from pyama_core.processing.tracking.lineage import Lineage
from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.sharing import Shares, shares_of
from pyama_core.processing.tracking.touching import Cells, Resolver
from pyama_core.processing.tracking.tracklets import Tracklet, tracklets_of


@dataclass(frozen=True)
class Tracks:
    """Who is where.

    Attributes
    ----------
    ids : (N,) int64
        The id of each region's cell, or of one of them where several touch.
    shared : Shares
        The regions that several cells share.
    lineage : Lineage
    """

    ids: Ints
    shared: Shares
    lineage: Lineage


def name_cells(movie: Movie, events: Events, params: TrackingParams) -> Tracks:
    """Turn links, splits and merges into cells with ids and mothers."""
    number, tracklets = tracklets_of(events, len(movie.frame))
    nodes = _nodes(number, len(tracklets))
    cells = Resolver(movie, tracklets, nodes, params).resolve()
    first_cell = np.array([t.cells[0] for t in tracklets], np.int64)
    ids = first_cell[number] if len(tracklets) else number
    shared = shares_of(movie, tracklets, nodes)
    return Tracks(ids, shared, _lineage(movie, tracklets, cells))


def _nodes(number: Ints, n_tracklets: int) -> list[Ints]:
    """Return the nodes of each tracklet, in time."""
    order = np.argsort(number, kind="stable")
    stops = np.cumsum(np.bincount(number, minlength=n_tracklets))[:-1]
    return np.split(order, stops) if n_tracklets else []


def _lineage(movie: Movie, tracklets: list[Tracklet], cells: Cells) -> Lineage:
    """Collect when and how each cell began and ended."""
    n = len(cells.parent)
    holder = np.array([c - 1 for t in tracklets for c in t.cells], np.int64)
    first = np.array([t.first for t in tracklets for _ in t.cells], np.int64)
    last = np.array([t.last for t in tracklets for _ in t.cells], np.int64)
    begin, end = np.full(n, len(movie.frame)), np.zeros(n, np.int64)
    np.minimum.at(begin, holder, first)
    np.maximum.at(end, holder, last)
    edge = movie.cells.at_border
    began = np.where(edge[begin], "entered", "appeared")
    began = np.where(movie.frame[begin] == movie.first_frame, "start", began)
    ended = np.where(edge[end], "left", "lost")
    ended = np.where(movie.frame[end] == movie.last_frame, "end", ended)
    return Lineage(
        np.arange(1, n + 1),
        np.array(cells.parent, np.int64),
        movie.frame[begin].astype(np.int64),
        movie.frame[end].astype(np.int64),
        _known_or(cells.began, began),
        _known_or(cells.ended, ended),
    )


def _known_or(known: list[str], other: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return what is known, and `other` where nothing (an empty text) is."""
    given = np.array(known, dtype="<U8")
    return np.where(given == "", other, given)
