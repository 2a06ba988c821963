"""Look at all frames without linking them: where trackers that need no pixels begin."""

from collections.abc import Collection

import numpy as np

from pyama_core.processing.stack import Stack, Tick
from pyama_core.processing.tracking.events import joined
from pyama_core.processing.tracking.movie import Movie, Summary, assemble
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import measure
from pyama_core.processing.tracking.runs import runs_of


def observe(
    segmented: Stack, params: TrackingParams, *, missing: Collection[int], tick: Tick
) -> Movie:
    """Measure the cells of all frames, taking them to move neither by themselves nor together.

    Parameters
    ----------
    segmented, params, missing, tick
        As a tracker gets them.
    """
    summaries = []
    for t in range(len(segmented)):
        tick("measuring cells", t)
        if t not in missing:
            regions = measure(runs_of(segmented[t]))
            still = np.zeros((len(regions), 2))
            summaries.append(Summary(t, regions, still, np.zeros(2), joined([])))
    return assemble(summaries, len(segmented), params)[0]
