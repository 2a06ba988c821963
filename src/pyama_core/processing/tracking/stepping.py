"""Go from one frame to the next by turns: links tell how cells move, which tells where to look."""

from typing import NamedTuple

import numpy as np

from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.events import NONE, Events, joined, unexplained
from pyama_core.processing.tracking.linking import CLEAR, Limits, Snapshot, link_pair
from pyama_core.processing.tracking.motion import shared_motion
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import Floats, Regions

_ROUNDS = 4
_STEADY = 0.75
_SMALL_DRIFT = 1.0
_FEWEST_CELLS = 3


class Step(NamedTuple):
    """One frame and how it is reached from the frame before.

    Attributes
    ----------
    frame : int
        Which frame.
    here : Snapshot
        Its cells.
    events : Events
        Where the cells of the frame before are.
    velocity : (N, 2) float
        How far each cell is expected to move until the next frame, drift apart, y, x in pixels.
    drift : (2,) float
        How far the field moved since the frame before, y, x in pixels.
    """

    frame: int
    here: Snapshot
    events: Events
    velocity: Floats
    drift: Floats


class Pair(NamedTuple):
    """Two frames to be linked, and how."""

    first: Snapshot
    second: Snapshot
    limits: Limits
    params: TrackingParams

    def link(self, shift: Floats) -> Events:
        """Link the frames, the cells of the first moved by `shift`, (N, 2)."""
        return link_pair(self.first, self.second, shift, self.limits, self.params)

    def displacements(self, events: Events) -> tuple[Floats, Floats]:
        """Return where cells were before each event and how far they moved in it, each (N, 2)."""
        before = _middle(self.first.regions, events.source)
        return before, _middle(self.second.regions, events.target) - before


def first_step(frame: int, here: Snapshot) -> Step:
    """Begin with a frame that has none before it."""
    none = np.zeros((len(here.regions), 2))
    return Step(frame, here, joined([]), none, np.zeros(2))


def next_step(before: Step, frame: int, pair: Pair, drift: Floats, *, exact: bool) -> Step:
    """Link a frame to the one before.

    Parameters
    ----------
    drift : (2,) float64
        How far the field seems to have moved, y, x in pixels.
    exact : bool
        Whether that was measured on the images; else the movement that the cells have in common
        with respect to what was expected of them makes it exact.
    """
    first, second = pair.first.regions, pair.second.regions
    elapsed = frame - before.frame
    expected = before.velocity * elapsed
    drift, events = _better_with_or_without(pair, expected, drift)
    if not exact:
        drift = _common_movement(pair, events, expected, drift)
    if _beyond_doubt(pair, events):
        return Step(
            frame, pair.second, events, _inherited(before.velocity, events, len(second)), drift
        )
    for _ in range(_ROUNDS):
        place, moved = pair.displacements(events)
        refined = shared_motion(place, moved - drift, first.center)
        if np.abs(refined - expected).max(initial=0) < _STEADY:
            break
        expected = refined
        events = pair.link(drift + expected)
    place, moved = pair.displacements(events)
    velocity = shared_motion(place, (moved - drift) / elapsed, second.center - drift)
    return Step(frame, pair.second, events, velocity, drift)


def _beyond_doubt(pair: Pair, events: Events) -> bool:
    """Tell whether all cells, but for some at the border, are where they were expected."""
    first, second = pair.first.regions, pair.second.regions
    lost = unexplained(len(first), events.source) & ~first.at_border
    new = unexplained(len(second), events.target) & ~second.at_border
    return not lost.any() and not new.any() and bool(events.cost.max(initial=0) < CLEAR)


def _inherited(velocity: Floats, events: Events, n_cells: int) -> Floats:
    """Return the velocities that cells take over from those they come from; 0 for new ones."""
    inherited = np.zeros((n_cells, 2))
    for column in range(2):
        after = events.target[:, column]
        inherited[after[after != NONE]] = velocity[events.source[after != NONE, 0]]
    return inherited


def _better_with_or_without(pair: Pair, expected: Floats, drift: Floats) -> tuple[Floats, Events]:
    """Link with and without the drift, and keep what explains the cells better."""
    events = pair.link(drift + expected)
    if np.abs(drift).max() < _SMALL_DRIFT:
        return drift, events
    unmoved = pair.link(expected)
    return (np.zeros(2), unmoved) if unmoved.saving > events.saving else (drift, events)


def _common_movement(pair: Pair, events: Events, expected: Floats, drift: Floats) -> Floats:
    """Return how much farther cells moved than expected, in the median."""
    if len(events.cost) < _FEWEST_CELLS:
        return drift
    moved = pair.displacements(events)[1]
    return np.median(moved - expected[events.source[:, 0]], axis=0)


def _middle(regions: Regions, cells: Ints) -> Floats:
    """Return the common centroid of each row of one or two cells."""
    area = np.where(cells == NONE, 0, regions.area[cells])[:, :, None]
    middle: Floats = (area * regions.center[cells]).sum(axis=1) / area.sum(axis=1)
    return middle
