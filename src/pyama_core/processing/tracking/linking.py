"""Explain where the cells of one frame are in a later one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.raster.runs import Runs
from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.detections import Movie, members, pairs_within
from pyama_core.processing.tracking.hypotheses import Events, cheapest, joined, links, unexplained
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import (
    CellRuns,
    Floats,
    Overlaps,
    Regions,
    by_cell,
    measure,
    overlaps_of,
)
from pyama_core.processing.tracking.tracklets import Tracklet

CLEAR = 0.5
"""Cost below which a link is beyond doubt: more than half of what the two cover, they share."""

SLIGHT = 0.9
"""Cost above which cells count as not overlapping: a cell that has moved by its own size may."""


class Snapshot(NamedTuple):
    """The cells of one frame: their runs in raster order, cell by cell, and as regions."""

    runs: Runs
    by_cell: CellRuns
    regions: Regions

    @classmethod
    def of(cls, runs: Runs) -> "Snapshot":
        """Measure and sort the runs of a frame."""
        return cls(runs, by_cell(runs), measure(runs))


class Limits(NamedTuple):
    """What the data say where parameters leave it to them.

    Attributes
    ----------
    max_distance : float or None
        How far beside its expected place a cell without overlap may be found, pixels; None = the
        median diameter of the cells that are looked for.
    touch_cost : float
        What it costs to say that two cells are found as one.
    """

    max_distance: float | None
    touch_cost: float


def link_pair(
    first: Snapshot, second: Snapshot, shift: Floats, limits: Limits, params: TrackingParams
) -> Events:
    """Link two frames, given by how far each cell of the first is expected to move.

    Overlapping cells compete by their intersection over union, cells without overlap by their
    distance, all in one assignment problem; daughters and merged cells compete as pairs. A clear
    link, which has no rival, is a block of that problem by itself and needs no solving.

    Parameters
    ----------
    shift : (N, 2) float
        Expected movement of each cell of `first`, y, x in pixels.
    """
    before, after = first.regions, second.regions
    shared = overlaps_of(first.by_cell, second.runs, shift)
    cost = _cost(before, after, shared)
    clear = _without_rivals(shared) & (cost < min(CLEAR, params.linking_threshold))
    settled = links(shared.source[clear], shared.target[clear], cost[clear])
    candidates = _candidates(before, after, shared.take(~clear), limits, params)
    kept = joined([settled, candidates])
    near = _nearby(before, after, shift, limits.max_distance, kept)
    if len(near.cost):
        near = near.take(~_among(near, shared.take(cost <= SLIGHT), len(after)))
    competing = joined([candidates, near])
    return joined([settled, cheapest(competing, len(before))]) if len(competing.cost) else settled


def _cost(first: Regions, second: Regions, shared: Overlaps) -> Floats:
    """Return 1 - intersection over union of each pair."""
    source, target, pixels = shared
    return 1 - pixels / (first.area[source] + second.area[target] - pixels)


def _without_rivals(shared: Overlaps) -> NDArray[np.bool_]:
    """Tell which pairs overlap only each other."""
    source, target, _ = shared
    if len(source) == 0:
        return np.empty(0, np.bool_)
    meetings = np.bincount(source)[source] + np.bincount(target)[target]
    alone: NDArray[np.bool_] = meetings == 2
    return alone


def _candidates(
    first: Regions, second: Regions, shared: Overlaps, limits: Limits, params: TrackingParams
) -> Events:
    """Explain overlapping cells by links, splits and merges."""
    if len(shared.source) == 0:
        return joined([])
    kept = links(shared.source, shared.target, _cost(first, second, shared))
    kept = kept.take(kept.cost <= params.linking_threshold)
    splits = _splitting(first, second, shared, params)
    merges = _splitting(second, first, shared.reversed(), params).reversed()
    return joined([kept, splits, merges._replace(cost=merges.cost + limits.touch_cost)])


def _nearby(
    first: Regions, second: Regions, shift: Floats, max_distance: float | None, taken: Events
) -> Events:
    """Explain cells that overlap none by their distance and size, at a cost from 1 up."""
    source = np.flatnonzero(unexplained(len(first), taken.source))
    target = np.flatnonzero(unexplained(len(second), taken.target))
    if len(source) == 0 or len(target) == 0:
        return joined([])
    reach = second.diameter if max_distance is None else max_distance
    expected = first.center[source] + shift[source]
    i, j, away = pairs_within(expected, second.center[target], reach)
    unlike = first.take(source[i]).unlike(second.take(target[j]))
    return links(source[i], target[j], 1 + away / reach + unlike)


def _among(events: Events, shared: Overlaps, n_targets: int) -> NDArray[np.bool_]:
    """Tell which links are between cells of one of the overlapping pairs."""
    pair = events.source[:, 0] * n_targets + events.target[:, 0]
    return np.isin(pair, shared.source * n_targets + shared.target)


def _splitting(first: Regions, second: Regions, shared: Overlaps, params: TrackingParams) -> Events:
    """Explain a cell by two of like size that together are where it was and as large."""
    if not (shared.source[1:] == shared.source[:-1]).any():
        return joined([])
    area = second.area[shared.target]
    least = (1 - params.linking_threshold) * first.area[shared.source]
    large = (1 + params.daughter_ratio) * area >= least
    source, target, pixels = shared.take(large & (shared.pixels > params.daughter_overlap * area))
    one, two = _pairs_of_same(source)
    a, b = second.area[target[one]], second.area[target[two]]
    covered = pixels[one] + pixels[two]
    uncovered = 1 - covered / (first.area[source[one]] + a + b - covered)
    unlike = np.abs(np.log(a / b))
    fits = (uncovered <= params.linking_threshold) & (unlike <= np.log(params.daughter_ratio))
    split = links(source[one], target[one], uncovered + 0.5 * unlike)
    split.target[:, 1] = target[two]
    return split.take(fits)


def _pairs_of_same(group: Ints) -> tuple[Ints, Ints]:
    """Return the index pairs i < j with equal values of the sorted `group`."""
    index = np.arange(len(group))
    partners = np.searchsorted(group, group, side="right") - index - 1
    one, place = members(partners)
    return one, one + 1 + place


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
