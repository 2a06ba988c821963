"""Link a frame pair by turns: links tell how neighbors move, which tells where to look."""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.linking import Links, Snapshot, link_pair
from pyama_core.processing.tracking.motion import shared_motion
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import Regions

Floats = NDArray[np.float64]

_ROUNDS = 4
_STEADY = 0.75


def follow(
    first: Snapshot, second: Snapshot, forecast: Floats, params: TrackingParams
) -> tuple[Links, Floats]:
    """Link two frames and forecast the movement of the second's cells.

    Parameters
    ----------
    forecast : (N, 2) float64
        How each cell of `first` is expected to move, y, x in pixels.

    Returns
    -------
    links : Links
    forecast : (M, 2) float64
        How each cell of `second` is expected to move next.
    """
    shift = forecast
    max_distance = params.max_distance
    if max_distance is None:
        max_distance = 2 * float(np.sqrt(np.median(first.regions.area))) if len(shift) else 0.0
    for _ in range(_ROUNDS):
        links = link_pair(first, second, shift, max_distance, params)
        source, moved = displacements(first.regions, second.regions, links)
        place = first.regions.center[source]
        refined = shared_motion(place, moved, first.regions.center)
        steady = np.abs(refined - shift).max(initial=0) < _STEADY
        shift = refined
        if steady:
            break
    return links, shared_motion(place + moved, moved, second.regions.center)


def displacements(
    first: Regions, second: Regions, links: Links
) -> tuple[NDArray[np.int64], Floats]:
    """Return which cells are linked and how far each moved; a mother moves to her daughters' mean."""
    n = len(first)
    area = second.area[links.target]
    total = np.bincount(links.source, area, n)
    linked = np.flatnonzero(total)
    mean = np.stack(
        [np.bincount(links.source, area * second.center[links.target, k], n) for k in range(2)], 1
    )
    return linked, mean[linked] / total[linked, None] - first.center[linked]
