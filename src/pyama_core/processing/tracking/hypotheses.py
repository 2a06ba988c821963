"""What can happen to cells between two frames: a link, a split, a merge."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.assignment import Ints, choose
from pyama_core.processing.tracking.regions import Floats

NONE = -1


class Events(NamedTuple):
    """Events and what each costs, one row each.

    Attributes
    ----------
    source : (N, 2) int64
        Cells of the earlier frame; the second is -1 unless two cells merge.
    target : (N, 2) int64
        Cells of the later frame; the second is -1 unless a cell splits.
    cost : (N,) float64
        0 for a perfect explanation; leaving a cell unexplained costs 1.
    """

    source: Ints
    target: Ints
    cost: Floats

    @property
    def splits(self) -> NDArray[np.bool_]:
        """Whether one cell became two."""
        return np.not_equal(self.target[:, 1], NONE)

    @property
    def merges(self) -> NDArray[np.bool_]:
        """Whether two cells became one."""
        return np.not_equal(self.source[:, 1], NONE)

    @property
    def saving(self) -> float:
        """What all events together save against leaving their cells unexplained."""
        return float((self.source != NONE).sum() + (self.target != NONE).sum() - self.cost.sum())

    def take(self, index: NDArray[np.generic]) -> "Events":
        """Return the events at `index`."""
        return Events(self.source[index], self.target[index], self.cost[index])

    def moved(self, source: Ints | int, target: Ints | int) -> "Events":
        """Return the events with cells numbered from `source` and `target` on, one or (N,)."""
        first, second = np.reshape(source, (-1, 1)), np.reshape(target, (-1, 1))
        return Events(
            np.where(self.source == NONE, NONE, self.source + first),
            np.where(self.target == NONE, NONE, self.target + second),
            self.cost,
        )

    def reversed(self) -> "Events":
        """Return the events as they look when time runs backwards."""
        return Events(self.target, self.source, self.cost)


def links(source: Ints, target: Ints, cost: Floats) -> Events:
    """Return events that link one cell to one."""
    sources, targets = np.full((2, len(source), 2), NONE)
    sources[:, 0], targets[:, 0] = source, target
    return Events(sources, targets, cost)


def unexplained(n_cells: int, explained: Ints) -> NDArray[np.bool_]:
    """Tell which of so many cells are not among the explained ones; -1 is none of them."""
    lost = np.ones(n_cells + 1, np.bool_)
    lost[explained] = False
    return lost[:n_cells]


def joined(parts: Sequence[Events]) -> Events:
    """Return all events of several collections."""
    parts = [part for part in parts if len(part.cost)]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Events(np.empty((0, 2), np.int64), np.empty((0, 2), np.int64), np.empty(0))
    return Events(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def cheapest(candidates: Events, n_sources: int) -> Events:
    """Return the events that together explain the cells at least cost, none of them twice."""
    members = candidates.moved(0, n_sources)
    cells = np.concatenate([members.source, members.target], axis=1)
    return candidates.take(choose(cells, (cells != NONE).sum(axis=1) - candidates.cost))
