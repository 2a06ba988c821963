"""Looking at the traces of one FOV: what is chosen, shown, selected and marked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_pyama.traces.loading import ChannelTraces, FovTraces
from napari_pyama.traces.trace_set import Table, TraceSet, ViewFilter, passing
from napari_pyama.widgets.messages import counted
from pyama_core.columns import FRAME, INTENSITY_TOTAL, POSITION_X, POSITION_Y, TIME


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


SpreadKind = Literal["none", "deviation", "quartiles"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many traces there are of each kind; the hidden ones are good or not good, too."""

    good: int
    rejected: int
    hidden: int

    def __str__(self) -> str:
        traces = counted(self.good + self.rejected, "trace")
        return f"{traces}: {self.good} good, {self.rejected} not good, {self.hidden} hidden"


class Inspection:
    """One channel and feature of one FOV in view.

    Parameters
    ----------
    fov_traces
        What was read of the FOV, with at least one channel.
    size
        Height and width of its frames.
    """

    def __init__(self, fov_traces: FovTraces, size: tuple[int, int]) -> None:
        self.fov_traces = fov_traces
        self.size = size
        self.selected: int | None = None
        self.view_filter = ViewFilter()
        self._borders: dict[int, NDArray[np.float64]] = {}
        self._means: dict[tuple[int, str], NDArray[np.float64]] = {}
        self._ranked: dict[tuple[int, str], NDArray[np.intp]] = {}
        self.channel = next(iter(fov_traces.channels))
        self.feature = ""
        self.choose()

    def choose(self, channel: int | None = None, feature: str | None = None) -> None:
        """Plot another channel or feature; what is not there stays as it is."""
        if channel is not None and channel in self.fov_traces.channels:
            self.channel = channel
        offered = self.traces.features
        if feature in offered:
            self.feature = str(feature)
        elif self.feature not in offered:
            self.feature = INTENSITY_TOTAL if INTENSITY_TOTAL in offered else offered[0]

    @property
    def path(self) -> Path:
        """The trace table of the channel."""
        return self._of_channel.path

    @property
    def traces(self) -> TraceSet:
        """The traces of the channel."""
        return self._of_channel.traces

    @property
    def values(self) -> NDArray[np.float64]:
        """The feature, one value per row of the traces."""
        return self.traces.values(self.feature)

    @property
    def means(self) -> NDArray[np.float64]:
        """The mean of the feature over each trace, ``(N,)``."""
        key = (self.channel, self.feature)
        if key not in self._means:
            self._means[key] = self.traces.means(self.feature)
        return self._means[key]

    @property
    def ranked(self) -> NDArray[np.intp]:
        """Rows of the traces by frame and value of the feature."""
        key = (self.channel, self.feature)
        if key not in self._ranked:
            self._ranked[key] = ranked_rows(self.traces, self.values)
        return self._ranked[key]

    @property
    def border(self) -> NDArray[np.float64]:
        """How near each cell comes to the image border, px, ``(N,)``."""
        if self.channel not in self._borders:
            self._borders[self.channel] = self.traces.border_distances(*self.size)
        return self._borders[self.channel]

    def prepare(self) -> None:
        """Find what filters and summaries will ask for, before one is set."""
        _ = self.border, self.means, self.ranked

    @property
    def good(self) -> NDArray[np.bool_]:
        """Good or not, ``(N,)``: as marked, else as the workflow's filters said."""
        good, marks = self.traces.judged.copy(), self.fov_traces.marks.of(self.path)
        at, has_trace = self.traces.indices_of(marks)
        good[at[has_trace]] = np.fromiter(marks.values(), bool)[has_trace]
        return good

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Which traces pass the filters of the view, ``(N,)``."""
        return passing(
            self.view_filter, self.traces, lambda: self.means, lambda: self.border, self.good
        )

    def counts(self) -> Counts:
        """Count the traces."""
        good = self.good
        n_good = int(good.sum())
        return Counts(n_good, len(good) - n_good, int((~self.shown).sum()))

    def curves(self) -> tuple[Curve, Curve]:
        """Return the good traces that are shown, and the others."""
        shown, good, values = self.shown, self.good, self.values
        traces = self.traces
        return curve_of(traces, values, shown & good), curve_of(traces, values, shown & ~good)

    def curve_of_selected(self) -> Curve | None:
        """Return the selected trace, hidden or not; None where no trace is selected."""
        index = self.selected_index
        if index is None:
            return None
        return curve_of(self.traces, self.values, np.arange(len(self.traces.cells)) == index)

    def spread(self, kind: SpreadKind) -> Spread | None:
        """Summarize the good traces that are shown."""
        if kind == "none":
            return None
        chosen = self.shown & self.good
        rows = self.ranked[chosen[self.traces.owner[self.ranked]]]
        if not len(rows):
            return None
        summarize = mean_and_deviation if kind == "deviation" else median_and_quartiles
        return summarize(self.traces, self.values, rows)

    def neighbor(self, step: int) -> int | None:
        """Return the cell some traces on among those shown; the first where none is selected."""
        cells = self.traces.cells[self.shown]
        if not len(cells):
            return None
        if self.selected is None:
            return int(cells[0])
        if step > 0:
            at = int(np.searchsorted(cells, self.selected, side="right")) + step - 1
        else:
            at = int(np.searchsorted(cells, self.selected, side="left")) + step
        return int(cells[np.clip(at, 0, len(cells) - 1)])

    def rows_of_selected(self) -> Table:
        """Return the rows of the selected trace; without rows where none is selected."""
        index = self.selected_index
        rows = slice(0) if index is None else self.traces.rows_of(index)
        return {name: column[rows] for name, column in self.traces.table.items()}

    def mark(self, good: bool, *, all_channels: bool) -> set[Path]:
        """Mark the selected trace; return the tables in which that changes a mark."""
        cell = self.selected
        if cell is None:
            return set()
        channels = list(self.fov_traces.channels.values())
        asked = channels if all_channels else [self._of_channel]
        paths = {of.path for of in asked if of.traces.index_of(cell) is not None}
        return self.fov_traces.marks.mark(paths, cell, good)

    def position_at(self, frame: int) -> tuple[int, float, float] | None:
        """Return frame, y and x of the selected cell where it is nearest in time to a frame."""
        index, table = self.selected_index, self.traces.table
        if index is None or POSITION_X not in table or POSITION_Y not in table:
            return None
        rows = self.traces.rows_of(index)
        nearest = int(np.argmin(np.abs(table[FRAME][rows] - frame))) + rows.start
        y, x = table[POSITION_Y][nearest], table[POSITION_X][nearest]
        return int(table[FRAME][nearest]), float(y), float(x)

    @property
    def selected_index(self) -> int | None:
        """Index of the selected trace; None where no cell is selected or it has no trace."""
        return None if self.selected is None else self.traces.index_of(self.selected)

    @property
    def _of_channel(self) -> ChannelTraces:
        return self.fov_traces.channels[self.channel]
