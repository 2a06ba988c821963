"""Follow cells through all frames by overlap, and note where they went."""

from collections.abc import Collection, Iterator

import numpy as np

from pyama_core.processing.stack import Stack, Tick
from pyama_core.processing.tracking.births import find_mothers
from pyama_core.processing.tracking.drift import DriftMeter
from pyama_core.processing.tracking.events import Events
from pyama_core.processing.tracking.gaps import close_gaps
from pyama_core.processing.tracking.linking import Limits, Snapshot
from pyama_core.processing.tracking.movie import Movie, Summary, assemble
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.runs import runs_of
from pyama_core.processing.tracking.stepping import Pair, Step, first_step, next_step

_TOUCH_COST_OF_INSTANCES = 0.5


def follow_by_overlap(
    segmented: Stack,
    params: TrackingParams,
    *,
    phase: Stack | None,
    missing: Collection[int],
    tick: Tick,
) -> tuple[Movie, Events]:
    """Link each frame to the next, close gaps, find mothers; the tracker ``overlap``.

    Returns
    -------
    movie : Movie
        The cells of all frames.
    events : Events
        Where they went.
    """
    steps = _steps(segmented, phase, missing, params, tick)
    movie, linked = assemble([_summary(step) for step in steps], len(segmented), params)
    return movie, find_mothers(movie, close_gaps(movie, linked, params), params)


def _summary(step: Step) -> Summary:
    """Return what is kept of a frame."""
    return Summary(
        step.frame, step.here.regions, step.velocity.astype(np.float32), step.drift, step.events
    )


def _steps(
    segmented: Stack,
    phase: Stack | None,
    missing: Collection[int],
    params: TrackingParams,
    tick: Tick,
) -> Iterator[Step]:
    """Go through the frames the file holds, remembering no more than the one before."""
    meter = DriftMeter((segmented.shape[1], segmented.shape[2]))
    before: Step | None = None
    for t in range(len(segmented)):
        tick("linking cells", t)
        if t in missing:
            continue
        frame = segmented[t]
        here = Snapshot.of(runs_of(frame))
        field = frame > 0 if phase is None else phase[t]
        drift = meter.step(field) if params.correct_drift else np.zeros(2)
        if before is None:
            before = first_step(t, here)
        else:
            exact = phase is not None or not params.correct_drift
            limits = _limits(frame.dtype == np.bool_, params)
            pair = Pair(before.here, here, limits, params)
            before = next_step(before, t, pair, drift, exact=exact)
        yield before


def _limits(touching: bool, params: TrackingParams) -> Limits:
    """Return the limits that parameters give, else the kind of segmentation."""
    cost = params.touch_cost
    if cost is None:
        cost = 0.0 if touching else _TOUCH_COST_OF_INSTANCES
    return Limits(params.max_distance, cost)
