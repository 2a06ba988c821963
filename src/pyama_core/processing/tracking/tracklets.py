"""Links make tracklets, which begin and end in splits and merges."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.detections import Movie
from pyama_core.processing.tracking.hypotheses import NONE, Events
from pyama_core.processing.tracking.params import TrackingParams


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


_MOST_TOUCHING = 6


@dataclass
class Cells:
    """Who is who: the mother of each cell and why it began and ended, by id - 1."""

    parent: list[int] = field(default_factory=list)
    began: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def new(self, parent: int = 0, began: str = "") -> int:
        """Add a cell and return its id."""
        self.parent.append(parent)
        self.began.append("division" if parent else began)
        self.ended.append("")
        return len(self.parent)


class Resolver:
    """Walks through the tracklets in time and says which cells each holds."""

    def __init__(
        self, movie: Movie, tracklets: list[Tracklet], nodes: list[Ints], params: TrackingParams
    ) -> None:
        self.movie = movie
        self.tracklets = tracklets
        self.nodes = nodes
        self.params = params
        self.cells = Cells()

    def resolve(self) -> Cells:
        """Fill in the cells of every tracklet; return who they are."""
        for tracklet in self.tracklets:
            if tracklet.cells:
                continue
            if not tracklet.before:
                tracklet.cells = [self.cells.new()]
            elif len(tracklet.before) == 2:
                self._merge(tracklet)
            else:
                self._split(self.tracklets[tracklet.before[0]])
        return self.cells

    def _merge(self, tracklet: Tracklet) -> None:
        """Let a merged tracklet hold the cells of both, or the larger's where that cannot last."""
        parts = [self.tracklets[i] for i in tracklet.before]
        held = list(dict.fromkeys(c for part in parts for c in part.cells))
        lasts = self._parts_in_time(tracklet) and len(held) <= self._room(tracklet)
        if len(held) > 1 and not lasts:
            kept = max(parts, key=lambda part: self.movie.cells.area[part.last]).cells
            held = [*kept, *(cell for cell in held if cell not in kept)]
            self._hold(tracklet, held, len(kept), parts)
        else:
            self._hold(tracklet, held, len(held), parts)

    def _hold(
        self, tracklet: Tracklet, cells: list[int], most: int, before: list[Tracklet]
    ) -> None:
        """Let a tracklet hold the first of some cells, so many as it has room for; end the rest."""
        most = min(most, self._room(tracklet))
        tracklet.cells = cells[:most]
        tracklet.crowded = len(cells) > most or any(part.crowded for part in before)
        for cell in cells[most:]:
            self.cells.ended[cell - 1] = "merged"

    def _parts_in_time(self, tracklet: Tracklet) -> bool:
        """Tell whether a merged tracklet comes apart again, or goes on merging, soon enough."""
        return bool(tracklet.after) and self._length(tracklet) <= self.params.max_touch

    def _room(self, tracklet: Tracklet) -> int:
        """Return how many cells a tracklet can hold, each with a pixel in every frame."""
        area = self.movie.cells.area[self.nodes[tracklet.number]]
        return min(int(area.min()), _MOST_TOUCHING)

    def _length(self, tracklet: Tracklet) -> int:
        """Return how many frames a tracklet lasts."""
        frame = self.movie.frame
        return int(frame[tracklet.last] - frame[tracklet.first]) + 1

    def _split(self, mother: Tracklet) -> None:
        """Give the parts of a tracklet its cells, or new ones where it divided."""
        parts = [self.tracklets[i] for i in mother.after]
        if len(mother.cells) > 1:
            self._share(mother, parts)
        elif mother.crowded:
            self._release(mother, parts)
        elif self._rejoin(parts):
            for part in parts:
                part.cells = list(mother.cells)
        else:
            self._divide(mother, parts)

    def _divide(self, mother: Tracklet, parts: list[Tracklet]) -> None:
        """Begin two daughters, unless one of them does not last: then it was a fragment."""
        if not all(self._lasts(part) for part in parts):
            self._release(mother, parts)
            return
        for part in parts:
            part.cells = [self.cells.new(mother.cells[0])]
        self.cells.ended[mother.cells[0] - 1] = "division"

    def _release(self, mother: Tracklet, parts: list[Tracklet]) -> None:
        """Let the part most like the whole go on as the cell and the other begin anew."""
        size = self.movie.cells.area
        other, kept = sorted(parts, key=lambda part: (self._lasts(part), size[part.first]))
        kept.cells = list(mother.cells)
        other.cells = [self.cells.new(began="parted")]

    def _rejoin(self, parts: list[Tracklet]) -> bool:
        """Tell whether two parts of a cell merge again before they count as daughters."""
        same = parts[0].after == parts[1].after and len(parts[0].after) == 1
        return same and all(self._length(part) < self.params.confirm for part in parts)

    def _lasts(self, part: Tracklet) -> bool:
        """Tell whether a daughter is there long enough, or as long as can be seen."""
        node, table = part.last, self.movie.cells
        divides = len(part.after) == 2
        ends = self.movie.frame[node] == self.movie.last_frame
        unseen = not part.after and table.at_border[node]
        return bool(divides or ends or unseen or self._length(part) >= self.params.confirm)

    def _share(self, mother: Tracklet, parts: list[Tracklet]) -> None:
        """Give each cell of a merged tracklet to the part it fits, none of them left empty."""
        goes = _ways_to_part(len(mother.cells))
        too_many = np.zeros(len(goes), np.int64)
        for side, part in zip((goes, ~goes), parts, strict=True):
            too_many += np.maximum(side.sum(axis=1) - self._room(part), 0)
        best = goes[np.lexsort((self._misfit(mother, goes, parts), too_many))[0]]
        for side, part in zip((best, ~best), parts, strict=True):
            cells = np.array(mother.cells)[side].tolist()
            self._hold(part, cells, len(cells), [mother])

    def _misfit(
        self, mother: Tracklet, goes: NDArray[np.bool_], parts: list[Tracklet]
    ) -> NDArray[np.floating]:
        """Say how badly each way to part fits cells, as last seen alone, to size and place."""
        table = self.movie.cells
        alone = [self._last_alone(mother, cell) for cell in mother.cells]
        ends = [part.first for part in parts]
        area, center = table.area[alone], table.center[alone]
        parted = _weighted(table.center[ends], table.area[ends])
        center = center - _weighted(center, area)
        cost = np.zeros(len(goes))
        for side, end in zip((goes, ~goes), ends, strict=True):
            size = side @ area
            arm = side @ (area[:, None] * center) / size[:, None]
            off = np.linalg.norm(table.center[end] - parted - arm, axis=1)
            cost += np.abs(np.log(size / table.area[end])) + off / np.sqrt(table.area[end])
        return cost

    def _last_alone(self, tracklet: Tracklet, cell: int) -> int:
        """Return the last node before `tracklet` at which a cell was by itself."""
        while tracklet.cells != [cell]:
            before = [self.tracklets[i] for i in tracklet.before]
            tracklet = next(part for part in before if cell in part.cells)
        return tracklet.last


def _ways_to_part(n_cells: int) -> NDArray[np.bool_]:
    """Return which of some cells go to the first of two parts, one row for each way."""
    ways = np.arange(1, 2**n_cells - 1)
    return np.asarray((ways[:, None] >> np.arange(n_cells)) & 1 == 0)


def _weighted(center: NDArray[np.floating], area: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the mean of centers, each counting as its area."""
    return np.average(center, axis=0, weights=area)
