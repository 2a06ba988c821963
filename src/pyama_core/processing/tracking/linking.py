"""Link the cells of one frame to those of a later one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.assignment import choose
from pyama_core.processing.tracking.overlaps import Overlaps, overlaps_of
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import Regions
from pyama_core.processing.tracking.runs import Runs

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Snapshot(NamedTuple):
    """The cells of one frame, as runs and as measured regions."""

    runs: Runs
    regions: Regions


class Explanations(NamedTuple):
    """Where cells may have gone: source cell, target cell, second daughter (-1 = none), cost."""

    source: Ints
    target: Ints
    sister: Ints
    cost: Floats


class Links(NamedTuple):
    """Where cells went: a division is two rows with one source and `divides` True."""

    source: Ints
    target: Ints
    divides: NDArray[np.bool_]


NO_LINKS = Links(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))


def link_pair(
    first: Snapshot, second: Snapshot, shift: Floats, max_distance: float, params: TrackingParams
) -> Links:
    """Link two frames, given by how far each cell of the first is expected to move.

    Parameters
    ----------
    shift : (N, 2) float64
        Expected movement of each cell of `first`, y, x in pixels.
    max_distance : float
        How far beside its expected place a cell without overlap may be found, pixels.
    """
    shared = overlaps_of(first.runs, second.runs, shift)
    groups = (
        _overlapping(first.regions, second.regions, shared, params),
        _dividing(first.regions, second.regions, shared, params),
    )
    near = _nearby(first.regions, second.regions, shift, max_distance, groups[0])
    return _chosen((*groups, near), len(first.regions))


def _overlapping(
    first: Regions, second: Regions, shared: Overlaps, params: TrackingParams
) -> Explanations:
    """Explain a cell by one it overlaps, at the cost 1 - intersection over union."""
    source, target, pixels = shared
    cost = 1 - pixels / (first.area[source] + second.area[target] - pixels)
    near = cost <= params.linking_threshold
    return _links(source[near], target[near], cost[near])


def _nearby(
    first: Regions, second: Regions, shift: Floats, max_distance: float, taken: Explanations
) -> Explanations:
    """Explain cells that overlap none by their distance, at a cost from 1 to 2."""
    source = np.setdiff1d(np.arange(len(first)), taken.source)
    target = np.setdiff1d(np.arange(len(second)), taken.target)
    expected = first.center[source] + shift[source]
    away = np.linalg.norm(expected[:, None] - second.center[target][None], axis=2)
    i, j = np.nonzero(away < max_distance)
    cost = 1 + away[i, j] / max_distance
    return _links(source[i], target[j], cost)


def _dividing(
    first: Regions, second: Regions, shared: Overlaps, params: TrackingParams
) -> Explanations:
    """Explain a cell by two daughters that together cover it and are of like size."""
    source, target, pixels = shared
    inside = pixels > 0.3 * second.area[target]
    one, two = _pairs_of_same(source[inside])
    source, target, pixels = source[inside], target[inside], pixels[inside]
    a, b = second.area[target[one]], second.area[target[two]]
    covered = pixels[one] + pixels[two]
    cost = 1 - covered / (first.area[source[one]] + a + b - covered)
    unlike = 0.5 * np.abs(np.log(a / b))
    return Explanations(source[one], target[one], target[two], cost + unlike)


def _pairs_of_same(group: Ints) -> tuple[Ints, Ints]:
    """Return the index pairs i < j with equal values of the sorted `group`."""
    stop = np.searchsorted(group, group, side="right")
    index = np.arange(len(group))
    partners = stop - index - 1
    one = np.repeat(index, partners)
    within = np.arange(partners.sum()) - np.repeat(np.cumsum(partners) - partners, partners)
    return one, one + 1 + within


def _links(source: Ints, target: Ints, cost: Floats) -> Explanations:
    return Explanations(source, target, np.full(len(source), -1), cost)


def _chosen(groups: tuple[Explanations, ...], n_first: int) -> Links:
    """Choose the explanations that together save most: each cell left unlinked costs 1."""
    source, target, sister, cost = (np.concatenate(parts) for parts in zip(*groups, strict=True))
    divides = sister >= 0
    members = np.stack([source, n_first + target, np.where(divides, n_first + sister, -1)], axis=1)
    chosen = choose(members, 2.0 + divides - cost)
    daughters = chosen & divides
    return Links(
        np.concatenate([source[chosen], source[daughters]]),
        np.concatenate([target[chosen], sister[daughters]]),
        np.concatenate([divides[chosen], divides[daughters]]),
    )
