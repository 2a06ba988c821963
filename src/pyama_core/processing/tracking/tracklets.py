"""Links make tracklets, which begin and end in splits and merges."""

from dataclasses import dataclass, field

import numpy as np

from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.events import NONE, Events


@dataclass
class Tracklet:
    """A chain of links between splits and merges.

    Attributes
    ----------
    number : int
        Its place among all.
    first, last : int
        Its first and last node.
    before, after : list of int
        The tracklets it comes from and goes over into.
    cells : list of int
        The cells it holds, by their ids.
    crowded : bool
        Whether it holds a cell that was given up, so that a split of it is no division.
    """

    number: int
    first: int
    last: int
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    crowded: bool = False


def tracklets_of(events: Events, n_nodes: int) -> tuple[Ints, list[Tracklet]]:
    """Chain links to tracklets.

    Returns
    -------
    tracklet : (N,) int64
        The tracklet of each node.
    tracklets : list of Tracklet
        In order of their first nodes.
    """
    plain = ~events.splits & ~events.merges
    before = np.full(n_nodes, NONE)
    before[events.target[plain, 0]] = events.source[plain, 0]
    number = _numbered(before)
    first = np.flatnonzero(before == NONE)
    last = first.copy()
    np.maximum.at(last, number, np.arange(n_nodes))
    ends = zip(first.tolist(), last.tolist(), strict=True)
    tracklets = [Tracklet(k, *both) for k, both in enumerate(ends)]
    for source, target in zip(events.source[~plain], events.target[~plain], strict=True):
        _tie(tracklets, number[source[source != NONE]], number[target[target != NONE]])
    return number, tracklets


def _numbered(before: Ints) -> Ints:
    """Give each chain a number, in the order of their first nodes, by pointer doubling."""
    root = np.where(before == NONE, np.arange(len(before)), before)
    while True:
        further = root[root]
        if np.array_equal(further, root):
            break
        root = further
    return np.cumsum(before == NONE)[root] - 1


def _tie(tracklets: list[Tracklet], before: Ints, after: Ints) -> None:
    for a in before:
        tracklets[a].after = [int(b) for b in after]
    for b in after:
        tracklets[b].before = [int(a) for a in before]
