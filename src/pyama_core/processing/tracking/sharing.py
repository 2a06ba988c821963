"""Where cells that are found as one region, because they touch, are expected in it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.regions import Floats, Regions
from pyama_core.processing.tracking.tracklets import Tracklet


class Shares(NamedTuple):
    """Cells that share regions, one row for each cell of each such region.

    Attributes
    ----------
    node : (M,) int64
        The region, in order.
    cell : (M,) int64
        Id of the cell.
    center : (M, 2) float
        Where the cell is expected, y, x in pixels.
    covariance : (M, 2, 2) float
        Of which extent and orientation.
    """

    node: Ints
    cell: Ints
    center: Floats
    covariance: Floats

    def among(self, first: int, stop: int) -> "Shares":
        """Return those of the nodes from `first` up to, not including, `stop`, counted from 0."""
        rows = slice(*np.searchsorted(self.node, [first, stop]))
        return Shares(
            self.node[rows] - first, self.cell[rows], self.center[rows], self.covariance[rows]
        )


def shares_of(movie: Movie, tracklets: Sequence[Tracklet], nodes: Sequence[Ints]) -> Shares:
    """Say, for every region of several cells, where in it each is expected.

    Parameters
    ----------
    nodes : sequence of (N,) int64
        The nodes of each tracklet, in time.
    """
    pairs = [
        (np.repeat(members, len(tracklet.cells)), np.tile(tracklet.cells, len(members)))
        for tracklet, members in zip(tracklets, nodes, strict=True)
        if len(tracklet.cells) > 1
    ]
    node, cell = np.concatenate([np.empty((2, 0), np.int64), *pairs], axis=1)
    order = np.argsort(node, kind="stable")
    node, cell = node[order], cell[order]
    expected = _between(movie, node, *_alone_around(tracklets, node, cell))
    return Shares(node, cell, _on_the_region(movie, node, expected), expected.covariance)


def _alone_around(tracklets: Sequence[Tracklet], node: Ints, cell: Ints) -> tuple[Ints, Ints]:
    """Return where cells are last alone before nodes and first after, or one of them twice."""
    ends = [(t.cells[0], end) for t in tracklets if len(t.cells) == 1 for end in (t.first, t.last)]
    spots = np.array(sorted(ends), np.int64).reshape(-1, 2)
    numbers = 1 + max(node.max(initial=0), spots[:, 1].max(initial=0))
    place = np.searchsorted(spots @ [numbers, 1], cell * numbers + node)
    before, after = spots[place - 1], spots[np.minimum(place, len(spots) - 1)]
    was_alone, is_alone_again = before[:, 0] == cell, after[:, 0] == cell
    return (
        np.where(was_alone, before[:, 1], after[:, 1]),
        np.where(is_alone_again, after[:, 1], before[:, 1]),
    )


def _between(movie: Movie, node: Ints, before: Ints, after: Ints) -> Regions:
    """Interpolate cells in time."""
    start, stop = movie.cells.take(before), movie.cells.take(after)
    span = np.maximum(movie.frame[after] - movie.frame[before], 1)
    part = ((movie.frame[node] - movie.frame[before]) / span).astype(np.float32)
    return Regions(
        start.area + part * (stop.area - start.area),
        start.center + part[:, None] * (stop.center - start.center),
        start.covariance + part[:, None, None] * (stop.covariance - start.covariance),
        start.at_border,
    )


def _on_the_region(movie: Movie, node: Ints, expected: Regions) -> Floats:
    """Move the cells of each node so that their common centroid is the region's."""
    region, group = np.unique(node, return_inverse=True)
    mass = np.bincount(group, expected.area)
    middle = [np.bincount(group, expected.area * axis) / mass for axis in expected.center.T]
    off = movie.cells.center[region] - np.stack(middle, axis=1)
    return expected.center + off[group]
