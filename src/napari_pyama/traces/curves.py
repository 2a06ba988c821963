"""Many traces as one curve, what is under the mouse, and what they have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pyama.traces.trace_set import TraceSet
from pyama_core.columns import TIME


@dataclass(frozen=True)
class Curve:
    """Points of many traces; which of them a line joins to the next one.

    Attributes
    ----------
    x, y
        Minutes and values, ``(P,)``, all finite.
    connect
        1 where a line goes on to the next point, else 0.
    owner
        Index of the trace of each point.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    connect: NDArray[np.int32]
    owner: NDArray[np.intp]


def curve_of(traces: TraceSet, values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> Curve:
    """Join the chosen traces to one curve.

    A line breaks where a value is missing. A value without neighbors is joined to a copy of
    itself, so that it is seen as a dot.

    Parameters
    ----------
    values
        What is plotted, one per row of `traces`.
    chosen
        ``(N,)``, which traces.
    """
    rows = np.flatnonzero(chosen[traces.owner] & np.isfinite(values))
    owner = traces.owner[rows]
    on = np.zeros(len(rows), dtype=np.int32)
    on[:-1] = (owner[1:] == owner[:-1]) & (np.diff(rows) == 1)
    lonely = on == 0
    lonely[1:] &= on[:-1] == 0
    if lonely.any():
        copies = 1 + lonely
        rows, owner, on = np.repeat(rows, copies), np.repeat(owner, copies), np.repeat(on, copies)
        on[np.cumsum(copies)[lonely] - 2] = 1
    return Curve(traces.values(TIME)[rows], values[rows], on, owner)


def trace_at(
    curve: Curve, x: float, y: float, pixel: tuple[float, float], reach: float = 8.0
) -> int | None:
    """Return the index of the trace that runs nearest to a point, None where none is near.

    Parameters
    ----------
    x, y
        The point.
    pixel
        Width and height of a screen pixel in units of the plot.
    reach
        How far off a line may be, in screen pixels.
    """
    starts = np.flatnonzero(curve.connect)
    x0, x1 = ((curve.x[at] - x) / pixel[0] for at in (starts, starts + 1))
    near = (np.minimum(x0, x1) <= reach) & (np.maximum(x0, x1) >= -reach)
    starts, x0, x1 = starts[near], x0[near], x1[near]
    if not len(starts):
        return None
    y0, y1 = ((curve.y[at] - y) / pixel[1] for at in (starts, starts + 1))
    distance = _distance_to_origin(x0, y0, x1, y1)
    nearest = int(np.argmin(distance))
    return int(curve.owner[starts[nearest]]) if distance[nearest] <= reach else None


def _distance_to_origin(
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    x1: NDArray[np.float64],
    y1: NDArray[np.float64],
) -> NDArray[np.float64]:
    dx, dy = x1 - x0, y1 - y0
    squared = dx * dx + dy * dy
    along = np.clip(-(x0 * dx + y0 * dy) / np.where(squared > 0, squared, 1.0), 0.0, 1.0)
    return np.hypot(x0 + along * dx, y0 + along * dy)


@dataclass(frozen=True)
class Spread:
    """A middle line and a band around it, one point per frame."""

    x: NDArray[np.float64]
    middle: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def ranked_rows(traces: TraceSet, values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows with finite values by frame, those of one frame from least to greatest."""
    rows = np.flatnonzero(np.isfinite(values))
    rows = rows[np.argsort(values[rows])]
    small = np.min_scalar_type(len(traces.timeline.frames))  # up to 16 bits sort faster
    return rows[np.argsort(traces.frame_index[rows].astype(small), kind="stable")]


def mean_and_deviation(
    traces: TraceSet, values: NDArray[np.float64], rows: NDArray[np.intp]
) -> Spread:
    """Return the mean of some rows of each frame and one standard deviation to both sides."""
    frames, x = _frames_of(traces, rows)
    value, n = values[rows], np.bincount(frames)
    mean = np.bincount(frames, value) / n
    deviation = np.sqrt(np.bincount(frames, (value - mean[frames]) ** 2) / n)
    return Spread(x, mean, mean - deviation, mean + deviation)


def median_and_quartiles(
    traces: TraceSet, values: NDArray[np.float64], rows: NDArray[np.intp]
) -> Spread:
    """Return the median and the quartiles of some rows of each frame, as `ranked_rows` has them."""
    frames, x = _frames_of(traces, rows)
    value, n = values[rows], np.bincount(frames)
    first = np.cumsum(n) - n

    def quantile(q: float) -> NDArray[np.float64]:
        at = q * (n - 1)
        below = np.floor(at).astype(int)
        above = np.minimum(below + 1, n - 1)
        low, high = value[first + below], value[first + above]
        return np.asarray(low + (at - below) * (high - low))

    return Spread(x, quantile(0.5), quantile(0.25), quantile(0.75))


def _frames_of(
    traces: TraceSet, rows: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Give each row the number of its frame among those that have rows, and their minutes."""
    frames = traces.frame_index[rows]
    there = np.bincount(frames, minlength=len(traces.timeline.frames)) > 0
    return (np.cumsum(there) - 1)[frames], traces.timeline.minutes[there]
