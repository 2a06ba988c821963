"""Follow cells through all frames, one pair at a time, and note what was seen."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.stack import Stack, Tick
from pyama_core.processing.tracking.drift import DriftMeter
from pyama_core.processing.tracking.events import NONE, Events, joined
from pyama_core.processing.tracking.linking import Snapshot, link_pair
from pyama_core.processing.tracking.motion import shared_motion
from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import Floats, Regions, measure
from pyama_core.processing.tracking.runs import runs_of

_ROUNDS = 4
_STEADY = 0.75


class Step(NamedTuple):
    """One frame and how it was reached from the frame before.

    Attributes
    ----------
    frame : int
        Which frame.
    here : Snapshot
        Its cells.
    events : Events
        Where the cells of the frame before are.
    velocity : (N, 2) float
        How far each cell is expected to move until the next frame, drift apart.
    drift : (2,) float
        How far the field moved since the frame before.
    reach : float
        How far beside its expected place a cell was looked for.
    """

    frame: int
    here: Snapshot
    events: Events
    velocity: Floats
    drift: Floats
    reach: float


def watch(
    segmented: Stack,
    phase: Stack | None,
    missing: Collection[int],
    params: TrackingParams,
    tick: Tick,
) -> tuple[Movie, Events]:
    """Link each frame to the next and collect the cells and events of all of them."""
    steps = [
        (s.frame, s.here.regions, s.events, s.velocity, s.drift, s.reach)
        for s in _steps(segmented, phase, missing, params, tick)
    ]
    if not steps:
        return Movie.empty(len(segmented)), joined([])
    held, regions, events, velocity, drift, reach = zip(*steps, strict=True)
    counts = np.array([len(r) for r in regions])
    offset = np.cumsum(counts) - counts
    movie = Movie(
        Regions.joined(regions),
        np.repeat(held, counts),
        np.repeat(np.arange(len(held)), counts),
        np.concatenate(velocity),
        _total_drift(np.array(held), np.array(drift), len(segmented)),
        float(np.median(reach)),
        np.array(held),
    )
    moved = [e.moved(a, b) for e, a, b in zip(events[1:], offset[:-1], offset[1:], strict=True)]
    return movie, joined(moved)


def _total_drift(held: NDArray[np.int64], drift: Floats, n_frames: int) -> Floats:
    """Sum the drift from frame to frame; frames not held keep that of the one before."""
    each = np.zeros((n_frames, 2))
    each[held] = drift
    return np.cumsum(each, axis=0)


def _steps(
    segmented: Stack,
    phase: Stack | None,
    missing: Collection[int],
    params: TrackingParams,
    tick: Tick,
) -> Iterator[Step]:
    meter = DriftMeter((segmented.shape[1], segmented.shape[2]))
    before: Step | None = None
    for t in range(len(segmented)):
        tick("linking cells", t)
        if t in missing:
            continue
        frame = segmented[t]
        runs = runs_of(frame)
        here = Snapshot(runs, measure(runs))
        drift = np.zeros(2)
        if params.correct_drift:
            drift = meter.step(frame > 0 if phase is None else phase[t])
        before = _first(t, here, drift) if before is None else _next(before, t, here, drift, params)
        yield before


def _first(frame: int, here: Snapshot, drift: Floats) -> Step:
    return Step(frame, here, joined([]), np.zeros((len(here.regions), 2)), drift, 0.0)


def _next(before: Step, frame: int, here: Snapshot, drift: Floats, params: TrackingParams) -> Step:
    """Link by turns: links tell how neighbors move, which tells where to look for links."""
    first, second = before.here.regions, here.regions
    elapsed = frame - before.frame
    reach = _reach(first, params)
    expected = before.velocity * elapsed
    for _ in range(_ROUNDS):
        events = link_pair(before.here, here, drift + expected, reach, params)
        place, moved = displacements(first, second, events)
        moved = moved - drift
        refined = shared_motion(place, moved, first.center)
        steady = np.abs(refined - expected).max(initial=0) < _STEADY
        expected = refined
        if steady:
            break
    velocity = shared_motion(place + moved + drift, moved / elapsed, second.center)
    return Step(frame, here, events, velocity, drift, reach)


def _reach(regions: Regions, params: TrackingParams) -> float:
    """Return how far to look for cells beside their expected places."""
    if params.max_distance is not None:
        return params.max_distance
    return float(2 * np.sqrt(np.median(regions.area) / np.pi)) if len(regions) else 0.0


def displacements(first: Regions, second: Regions, events: Events) -> tuple[Floats, Floats]:
    """Return where cells were before each event and how far they moved in it, each (N, 2)."""
    before = _middle(first, events.source)
    return before, _middle(second, events.target) - before


def _middle(regions: Regions, cells: NDArray[np.int64]) -> Floats:
    """Return the common centroid of each row of one or two cells."""
    area = np.where(cells == NONE, 0, regions.area[cells])[:, :, None]
    return (area * regions.center[cells]).sum(axis=1) / area.sum(axis=1)
