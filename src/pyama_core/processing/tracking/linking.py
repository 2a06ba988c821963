"""Explain where the cells of one frame are in a later one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.events import Events, cheapest, joined, links
from pyama_core.processing.tracking.overlaps import Overlaps, overlaps_of
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import Floats, Regions
from pyama_core.processing.tracking.runs import Runs

Ints = NDArray[np.int64]


class Snapshot(NamedTuple):
    """The cells of one frame, as runs and as measured regions."""

    runs: Runs
    regions: Regions


class Limits(NamedTuple):
    """What the data say where parameters leave it to them.

    Attributes
    ----------
    max_distance : float
        How far beside its expected place a cell without overlap may be found, pixels.
    touch_cost : float
        What it costs to say that two cells are found as one.
    """

    max_distance: float
    touch_cost: float


def link_pair(
    first: Snapshot, second: Snapshot, shift: Floats, limits: Limits, params: TrackingParams
) -> Events:
    """Link two frames, given by how far each cell of the first is expected to move.

    Overlapping cells compete by their intersection over union, cells without overlap by their
    distance, all in one assignment problem; daughters and merged cells compete as pairs.

    Parameters
    ----------
    shift : (N, 2) float64
        Expected movement of each cell of `first`, y, x in pixels.
    """
    before, after = first.regions, second.regions
    shared = overlaps_of(first.runs, second.runs, shift)
    kept = _overlapping(before, after, shared, params)
    splits = _splitting(before, after, shared, params)
    merges = _splitting(after, before, shared.reversed(), params).reversed()
    merges = merges._replace(cost=merges.cost + limits.touch_cost)
    near = _nearby(before, after, shift, limits.max_distance, kept)
    return cheapest(joined([kept, splits, merges, near]), len(before))


def _overlapping(
    first: Regions, second: Regions, shared: Overlaps, params: TrackingParams
) -> Events:
    """Explain a cell by one it overlaps, at the cost 1 - intersection over union."""
    source, target, pixels = shared
    cost = 1 - pixels / (first.area[source] + second.area[target] - pixels)
    near = cost <= params.linking_threshold
    return links(source[near], target[near], cost[near])


def _nearby(
    first: Regions, second: Regions, shift: Floats, max_distance: float, taken: Events
) -> Events:
    """Explain cells that overlap none by their distance and size, at a cost from 1 up."""
    source = np.setdiff1d(np.arange(len(first)), taken.source)
    target = np.setdiff1d(np.arange(len(second)), taken.target)
    expected = first.center[source] + shift[source]
    away = np.linalg.norm(expected[:, None] - second.center[target][None], axis=2)
    i, j = np.nonzero(away < max_distance)
    unlike = first.take(source[i]).unlike(second.take(target[j]))
    return links(source[i], target[j], 1 + away[i, j] / max_distance + unlike)


def _splitting(first: Regions, second: Regions, shared: Overlaps, params: TrackingParams) -> Events:
    """Explain a cell by two of like size that together are where it was and as large."""
    source, target, pixels = shared
    inside = pixels > params.daughter_overlap * second.area[target]
    source, target, pixels = source[inside], target[inside], pixels[inside]
    one, two = _pairs_of_same(source)
    a, b = second.area[target[one]], second.area[target[two]]
    covered = pixels[one] + pixels[two]
    unlike = np.abs(np.log(a / b))
    cost = 1 - covered / (first.area[source[one]] + a + b - covered) + 0.5 * unlike
    alike = unlike <= np.log(params.daughter_ratio)
    one, two, cost = one[alike], two[alike], cost[alike]
    split = links(source[one], target[one], cost)
    split.target[:, 1] = target[two]
    return split


def _pairs_of_same(group: Ints) -> tuple[Ints, Ints]:
    """Return the index pairs i < j with equal values of the sorted `group`."""
    index = np.arange(len(group))
    partners = np.searchsorted(group, group, side="right") - index - 1
    one = np.repeat(index, partners)
    within = np.arange(len(one)) - np.repeat(np.cumsum(partners) - partners, partners)
    return one, one + 1 + within
