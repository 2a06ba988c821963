"""Follow cells through all frames by overlap, and note where they went."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.raster.runs import runs_of
from pyama_core.processing.stack import Stack, Tick
from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.detections import Movie, Summary, assemble
from pyama_core.processing.tracking.gaps_and_divisions import close_gaps, find_mothers
from pyama_core.processing.tracking.hypotheses import NONE, Events, joined, unexplained
from pyama_core.processing.tracking.linking import CLEAR, Limits, Snapshot, link_pair
from pyama_core.processing.tracking.motion import shared_motion
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import Floats, Regions

_LARGEST_SIDE, _SMALLEST_SIDE, _FINE_FACTOR = 180, 128, 4
_SIGNIFICANT = 8.0
"""Standard deviations of the correlation by which a peak must stand out."""
_SMOOTH = 0.12
"""Standard deviation of the low-pass, waves per thinned pixel."""
_FEWEST_WAVES = 2
"""Whatever has no more waves across the field is its illumination, which stays where it is."""


class DriftMeter:
    """Measures, frame by frame, how far the field moved since the frame before."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._factor = min(_thinning(max(shape)), *shape)
        size = tuple(n // self._factor for n in shape)
        window = np.hanning(size[0] + 2)[1:-1, None] * np.hanning(size[1] + 2)[None, 1:-1]
        self._window = window.astype(np.float32)
        fy, fx = np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None]
        frequency = np.hypot(fy, fx)
        low = np.exp(-0.5 * (frequency / _SMOOTH) ** 2)
        self._weight = (low * (frequency > _FEWEST_WAVES / max(size))).astype(np.float32)
        self._before: NDArray[np.complexfloating] | None = None

    def step(self, frame: NDArray[np.generic]) -> Floats:
        """Return how far the field moved, y, x in pixels, since the last frame given."""
        small = _filled(_thinned(frame, self._factor))
        small = (small - small.mean()) * self._window
        spectrum = np.fft.rfft2(small)
        before, self._before = self._before, spectrum
        if before is None:
            return np.zeros(2)
        cross = spectrum * np.conj(before)
        cross *= self._weight / np.maximum(np.abs(cross), 1e-6)
        return self._factor * _peak(np.fft.irfft2(cross, s=small.shape))


def _thinning(side: int) -> int:
    """Return how many pixels become one: as many as cost no precision, more for large frames."""
    free = min(-(-side // _SMALLEST_SIDE), _FINE_FACTOR)
    return max(free, -(-side // _LARGEST_SIDE))


def _thinned(frame: NDArray[np.generic], factor: int) -> NDArray[np.float32]:
    """Return every `factor`-th row, its pixels added up `factor` at a time."""
    width = frame.shape[1] // factor * factor
    rows = frame[: frame.shape[0] // factor * factor : factor, :width]
    parts = rows.reshape(len(rows), -1, factor)
    return np.asarray(parts @ np.ones(factor, np.float32), np.float32)


def _filled(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put the mean in the place of pixels that are not finite, or the transform has no others."""
    known = np.isfinite(image)
    if known.all():
        return image
    mean = image[known].mean() if known.any() else np.float32(0)
    return np.where(known, image, mean)


def _peak(surface: NDArray[np.floating]) -> Floats:
    """Return the shift at the highest peak, to a fraction of a pixel; 0 where none stands out."""
    y, x = divmod(int(surface.argmax()), surface.shape[1])
    if surface[y, x] ** 2 * surface.size <= _SIGNIFICANT**2 * np.vdot(surface, surface):
        return np.zeros(2)
    return np.array([_refined(surface[:, x], y), _refined(surface[y], x)])


def _refined(line: NDArray[np.floating], top: int) -> float:
    """Return a peak's signed place on a line, from a parabola through it and its neighbors."""
    n = len(line)
    low, mid, high = (float(line[(top + k) % n]) for k in (-1, 0, 1))
    bend = low - 2 * mid + high
    fraction = 0.0 if bend == 0 else 0.5 * (low - high) / bend
    place = top + fraction
    return place - n if place > n / 2 else place


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
