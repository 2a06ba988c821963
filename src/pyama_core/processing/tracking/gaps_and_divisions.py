"""Find the mothers of daughters that linking frame by frame could not tie to them.

A daughter that is unseen at first, or appears beside the mother rather than over her, begins a
track out of nothing; a mother that is unseen just before she divides leaves two such daughters.
Either is a division where the areas add up and the daughters lie around the mother's place.
"""

import numpy as np

from pyama_core.processing.tracking.assignment import Ints, choose
from pyama_core.processing.tracking.detections import Movie, members, pairs_after
from pyama_core.processing.tracking.hypotheses import Events, cheapest, joined, links, unexplained
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import Floats

_SHRUNK = 0.8
"""A cell that keeps more than this of its size has not lost a daughter."""

_FAMILY = 2
"""Daughters and mother are within so many times the distance at which a cell is looked for."""


def find_mothers(movie: Movie, events: Events, params: TrackingParams) -> Events:
    """Return `events` with divisions added for daughters without one."""
    born = unexplained(len(movie.frame), events.target)
    born &= ~movie.cells.at_border & (movie.frame > movie.first_frame)
    daughters = np.flatnonzero(born)
    if len(daughters) == 0:
        return events
    late = _with_sister(movie, events, daughters, params)
    lost = _of_lost_mothers(movie, events, daughters, params)
    candidates = joined([late, lost])
    cells = np.concatenate([candidates.source[:, :1], candidates.target], axis=1)
    divisions = candidates.take(choose(cells, 1 - candidates.cost))
    if len(divisions.cost) == 0:
        return events
    replaced = np.isin(events.source[:, 0], divisions.source[:, 0])
    return joined([events.take(~replaced), divisions])


def _with_sister(movie: Movie, events: Events, born: Ints, params: TrackingParams) -> Events:
    """Explain newborns by links in which a cell shrank to one daughter's size."""
    plain = ~events.splits & ~events.merges
    mother, sister = events.source[plain, 0], events.target[plain, 0]
    shrank = movie.cells.area[sister] < _SHRUNK * movie.cells.area[mother]
    mother, sister = mother[shrank], sister[shrank]
    parts = []
    for lag in range(params.max_gap + 1):
        i, j, _ = pairs_after(movie, sister, born, lag, _FAMILY * movie.reach)
        soon = movie.order[born[j]] - movie.order[mother[i]] <= params.max_gap + 1
        i, j = i[soon], j[soon]
        parts.append(_divisions(movie, mother[i], sister[i], born[j], params))
    return joined(parts)


def _of_lost_mothers(movie: Movie, events: Events, born: Ints, params: TrackingParams) -> Events:
    """Explain pairs of newborns by a cell that was lost shortly before."""
    lost = np.flatnonzero(unexplained(len(movie.frame), events.source))
    family = _FAMILY * movie.reach
    one, two, _ = pairs_after(movie, born, born, 0, family)
    later = np.flatnonzero(one < two)
    later = later[np.argsort(one[later], kind="stable")]
    one, two = one[later], two[later]
    parts = []
    for lag in range(1, params.max_gap + 2):
        mother, daughter, _ = pairs_after(movie, lost, born, lag, family)
        i, j = _same(daughter, one)
        parts.append(_divisions(movie, lost[mother[i]], born[one[j]], born[two[j]], params))
    return joined(parts)


def _same(keys: Ints, ordered: Ints) -> tuple[Ints, Ints]:
    """Return the index pairs of equal values; the second are in order."""
    start = np.searchsorted(ordered, keys, side="left")
    count = np.searchsorted(ordered, keys, side="right") - start
    i, place = members(count)
    return i, start[i] + place


def _divisions(
    movie: Movie, mother: Ints, sister: Ints, newborn: Ints, params: TrackingParams
) -> Events:
    """Return the divisions of mothers into sister and newborn that are likely at all."""
    if len(mother) == 0:
        return joined([])
    area = movie.cells.area
    both, unlike = area[sister] + area[newborn], np.abs(np.log(area[sister] / area[newborn]))
    share = (area[newborn] / both)[:, None]
    middle = share * _brought_back(movie, newborn, mother)
    middle = middle + (1 - share) * _brought_back(movie, sister, mother)
    off = np.linalg.norm(middle - movie.steady_center(mother), axis=1) / movie.reach
    cost = off + np.abs(np.log(both / area[mother])) + 0.5 * unlike
    likely = (cost < 1) & (unlike <= np.log(params.daughter_ratio))
    split = links(mother[likely], sister[likely], cost[likely])
    split.target[:, 1] = newborn[likely]
    return split


def _brought_back(movie: Movie, cells: Ints, mother: Ints) -> Floats:
    """Return where cells would have been in the frames of the mothers, had none divided."""
    passed = (movie.frame[cells] - movie.frame[mother])[:, None]
    return movie.steady_center(cells) - movie.velocity[mother] * passed


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
