"""Tell apart cells that touched for a while, and divisions from cells that merely parted.

Going through tracklets in time, each holds one cell or, while they touch, several: where two
tracklets merge the merged one holds the cells of both, and where it splits again its cells go to
the parts they fit best.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.tracklets import Tracklet

Ints = NDArray[np.int64]

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
        for number, tracklet in enumerate(self.tracklets):
            if tracklet.cells:
                continue
            if not tracklet.before:
                tracklet.cells = [self.cells.new()]
            elif len(tracklet.before) == 2:
                self._merge(tracklet, self.nodes[number])
            else:
                self._split(self.tracklets[tracklet.before[0]])
        return self.cells

    def _merge(self, tracklet: Tracklet, nodes: Ints) -> None:
        """Let a merged tracklet hold the cells of both, or the larger's where that cannot last."""
        parts = [self.tracklets[i] for i in tracklet.before]
        held = list(dict.fromkeys(c for part in parts for c in part.cells))
        if len(held) == 1 or (self._parts_in_time(tracklet) and self._room(nodes, len(held))):
            tracklet.cells = held
            tracklet.crowded = any(part.crowded for part in parts)
            return
        kept = max(parts, key=lambda part: self.movie.cells.area[part.last])
        for cell in held:
            if cell not in kept.cells:
                self.cells.ended[cell - 1] = "merged"
        tracklet.cells, tracklet.crowded = list(kept.cells), True

    def _parts_in_time(self, tracklet: Tracklet) -> bool:
        """Tell whether a merged tracklet comes apart again, or goes on merging, soon enough."""
        return bool(tracklet.after) and self._length(tracklet) <= self.params.max_touch

    def _room(self, nodes: Ints, n_cells: int) -> bool:
        """Tell whether so many cells can be told apart, each with a pixel in every frame."""
        return n_cells <= _MOST_TOUCHING and bool(self.movie.cells.area[nodes].min() >= n_cells)

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
        held = mother.cells
        options = [
            [[c for k, c in enumerate(held) if choice >> k & 1 == side] for side in (0, 1)]
            for choice in range(1, 2 ** len(held) - 1)
        ]
        best = min(options, key=lambda option: self._misfit(mother, option, parts))
        for part, cells in zip(parts, best, strict=True):
            part.cells, part.crowded = cells, mother.crowded

    def _misfit(self, mother: Tracklet, option: list[list[int]], parts: list[Tracklet]) -> float:
        """Say how badly cells, as last seen alone, fit the size and place of the parts."""
        known = [self._last_alone(mother, c) for group in option for c in group]
        table = self.movie.cells
        middle = _weighted(table.center[known], table.area[known])
        ends = [part.first for part in parts]
        parted = _weighted(table.center[ends], table.area[ends])
        cost = 0.0
        for group, part in zip(option, parts, strict=True):
            nodes = [self._last_alone(mother, c) for c in group]
            size = np.log(table.area[nodes].sum() / table.area[part.first])
            arm = _weighted(table.center[nodes], table.area[nodes]) - middle
            off = np.linalg.norm(table.center[part.first] - parted - arm)
            cost += abs(float(size)) + float(off / np.sqrt(table.area[part.first]))
        return cost

    def _last_alone(self, tracklet: Tracklet, cell: int) -> int:
        """Return the last node before `tracklet` at which a cell was by itself."""
        while tracklet.cells != [cell]:
            before = [self.tracklets[i] for i in tracklet.before]
            tracklet = next(part for part in before if cell in part.cells)
        return tracklet.last


def _weighted(center: NDArray[np.floating], area: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the mean of centers, each counting as its area."""
    return np.average(center, axis=0, weights=area)
