"""Find the mothers of daughters that linking frame by frame could not tie to them.

A daughter that is unseen at first, or appears beside the mother rather than over her, begins a
track out of nothing; a mother that is unseen just before she divides leaves two such daughters.
Either is a division where the areas add up and the daughters lie around the mother's place.
"""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.assignment import choose
from pyama_core.processing.tracking.events import Events, joined, links, unexplained
from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import Floats

Ints = NDArray[np.int64]

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
    plain = np.flatnonzero(~events.splits & ~events.merges)
    plain = plain[np.argsort(events.source[plain, 0], kind="stable")]
    mother, sister = events.source[plain, 0], events.target[plain, 0]
    shrank = movie.cells.area[sister] < _SHRUNK * movie.cells.area[mother]
    mother, sister = mother[shrank], sister[shrank]
    parts = []
    for newborn in born:
        recent = _shortly_before(movie, mother, newborn, params)
        near = _near(movie, sister[recent], newborn)
        parts.append(_divisions(movie, mother[recent][near], sister[recent][near], newborn, params))
    return joined(parts)


def _of_lost_mothers(movie: Movie, events: Events, born: Ints, params: TrackingParams) -> Events:
    """Explain pairs of newborns by a cell that was lost shortly before."""
    lost = np.flatnonzero(unexplained(len(movie.frame), events.source))
    parts = []
    for newborn in born:
        mothers = lost[_shortly_before(movie, lost, newborn, params)]
        mothers = mothers[_near(movie, mothers, newborn)]
        first = np.searchsorted(movie.frame[born], movie.frame[newborn])
        sisters = born[first : np.searchsorted(born, newborn)] if len(mothers) else born[:0]
        sisters = sisters[_near(movie, sisters, newborn)]
        mother, sister = (a.ravel() for a in np.meshgrid(mothers, sisters))
        parts.append(_divisions(movie, mother, sister, newborn, params))
    return joined(parts)


def _shortly_before(movie: Movie, cells: Ints, newborn: int, params: TrackingParams) -> slice:
    """Return which of the cells, sorted, are in the few frames before the newborn's."""
    order = movie.order[newborn]
    first, stop = np.searchsorted(movie.order[cells], [order - params.max_gap - 1, order])
    return slice(first, stop)


def _near(movie: Movie, cells: Ints, newborn: int) -> NDArray[np.bool_]:
    """Tell which cells are near enough to be of the newborn's family."""
    moved = movie.drift[movie.frame[newborn]] - movie.drift[movie.frame[cells]]
    away = movie.cells.center[cells] + moved - movie.cells.center[newborn]
    return np.asarray(np.linalg.norm(away, axis=1) < _FAMILY * movie.reach)


def _divisions(
    movie: Movie, mother: Ints, sister: Ints, newborn: int, params: TrackingParams
) -> Events:
    """Return the divisions of mothers into a sister each and one newborn that are likely at all."""
    cost = _cost(movie, mother, sister, newborn, params)
    near = cost < 1
    split = links(mother[near], sister[near], cost[near])
    split.target[:, 1] = newborn
    return split


def _cost(movie: Movie, mother: Ints, sister: Ints, newborn: int, params: TrackingParams) -> Floats:
    """Return how badly areas add up and daughters lie around their mother; 1 is too badly."""
    area, center = movie.cells.area, movie.cells.center
    both = area[sister] + area[newborn]
    share = (area[newborn] / both)[:, None]
    middle = share * _brought_back(movie, np.array([newborn]), mother)
    middle = middle + (1 - share) * _brought_back(movie, sister, mother)
    off = np.linalg.norm(middle - center[mother], axis=1) / movie.reach
    unlike = np.abs(np.log(area[sister] / area[newborn]))
    cost = off + np.abs(np.log(both / area[mother])) + 0.5 * unlike
    return np.where(unlike <= np.log(params.daughter_ratio), cost, np.inf)


def _brought_back(movie: Movie, cells: Ints, mother: Ints) -> Floats:
    """Return where cells would have been in the frames of the mothers, had none divided."""
    now, then = movie.frame[cells], movie.frame[mother]
    moved = movie.velocity[mother] * (now - then)[:, None] + movie.drift[now] - movie.drift[then]
    return movie.cells.center[cells] - moved
