"""The traces of one channel of one FOV as arrays that plot and filters work on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.columns import (
    BBOX,
    CELL,
    CHANNEL,
    FOV,
    FRAME,
    GOOD,
    POSITION_X,
    POSITION_Y,
    REASON,
    TIME,
)


@dataclass(frozen=True)
class Timeline:
    """The frames that were measured, ascending, and their minutes."""

    frames: NDArray[np.int64]
    minutes: NDArray[np.float64]

    def minutes_of(self, frame: int) -> float:
        """Return the minutes of a frame; where it was not measured, as the mean interval tells."""
        frames, minutes = self.frames, self.minutes
        if not len(frames):
            return float(frame)
        if frames[0] <= frame <= frames[-1]:
            return float(np.interp(frame, frames, minutes))
        edge = 0 if frame < frames[0] else -1
        return float(minutes[edge] + (frame - frames[edge]) * self._interval)

    def frame_at(self, minutes: float, n_frames: int) -> int:
        """Return which of the frames 0 to ``n_frames - 1`` is nearest to a time."""
        times = np.array([self.minutes_of(frame) for frame in range(n_frames)])
        return int(np.argmin(np.abs(times - minutes)))

    @property
    def _interval(self) -> float:
        n = int(self.frames[-1] - self.frames[0])
        return float(self.minutes[-1] - self.minutes[0]) / n if n else 1.0


Table = dict[str, NDArray[Any]]
Verdict = tuple[bool, str]
"""Good or not, and why not."""

_NO_FEATURES: Final = {FOV, CHANNEL, CELL, FRAME, TIME, GOOD, REASON, *BBOX}
_LAST_FEATURES: Final = (POSITION_X, POSITION_Y)


@dataclass(frozen=True)
class TraceSet:
    """Traces one after the other, each in the order of its frames.

    Attributes
    ----------
    table
        Columns of all rows, sorted by cell and frame.
    cells
        ``(N,)`` cell ids, ascending.
    starts
        ``(N + 1,)`` where the rows of each trace start; the last entry is the number of rows.
    judged
        ``(N,)`` good or not as the workflow's filters said it.
    reasons
        Why a trace was rejected, by cell; empty for the others.
    owner
        Index of the trace that each row belongs to.
    timeline
        The minutes of the frames.
    frame_index
        Which of the frames of the timeline each row is of.
    """

    table: Table
    cells: NDArray[np.int64]
    starts: NDArray[np.intp]
    judged: NDArray[np.bool_]
    reasons: dict[int, str]
    owner: NDArray[np.intp]
    timeline: Timeline
    frame_index: NDArray[np.intp]

    @property
    def lengths(self) -> NDArray[np.intp]:
        """Number of frames in which each cell was measured, ``(N,)``."""
        return np.diff(self.starts)

    @property
    def features(self) -> list[str]:
        """Names of the columns that can be plotted: measurements first, then positions."""
        numbers = [name for name, column in self.table.items() if column.dtype.kind in "fiu"]
        measured = [n for n in numbers if n not in _NO_FEATURES and n not in _LAST_FEATURES]
        return measured + [name for name in _LAST_FEATURES if name in self.table]

    def values(self, feature: str) -> NDArray[np.float64]:
        """Return a column as numbers, one per row."""
        return np.asarray(self.table[feature], dtype=np.float64)

    def indices_of(self, cells: Iterable[int]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return the index of each cell's trace, and whether it has one."""
        wanted = np.fromiter(cells, np.int64)
        at = np.searchsorted(self.cells, wanted)
        has_trace = np.append(self.cells, -1)[at] == wanted
        return at, has_trace

    def index_of(self, cell: int) -> int | None:
        """Return the index of a cell's trace, None where it has none."""
        (at,), (has_trace,) = self.indices_of([cell])
        return int(at) if has_trace else None

    def rows_of(self, index: int) -> slice:
        """Return the rows of a trace."""
        return slice(int(self.starts[index]), int(self.starts[index + 1]))

    def means(self, feature: str) -> NDArray[np.float64]:
        """Return the mean of a feature over each trace, ``(N,)``; NaN where it has no value."""
        values = self.values(feature)
        known = np.isfinite(values)
        n_known = np.bincount(self.owner, known, len(self.cells))
        total = np.bincount(self.owner, np.where(known, values, 0.0), len(self.cells))
        with np.errstate(invalid="ignore"):
            return np.asarray(total / n_known)

    def border_distances(self, height: int, width: int) -> NDArray[np.float64]:
        """Return how near each cell's center comes to the image border, px, ``(N,)``."""
        if POSITION_X not in self.table or POSITION_Y not in self.table or not len(self.cells):
            return np.full(len(self.cells), np.inf)
        x, y = self.values(POSITION_X), self.values(POSITION_Y)
        nearest = np.fmin.reduce([x, y, width - 1 - x, height - 1 - y])
        distances = np.fmin.reduceat(nearest, self.starts[:-1])
        return np.where(np.isnan(distances), np.inf, distances)


def verdicts_of(table: Mapping[str, NDArray[Any]]) -> dict[int, Verdict]:
    """Return by cell what a trace table says of its traces."""
    cells, first = np.unique(table[CELL], return_index=True)
    good = np.asarray(table.get(GOOD, np.ones(len(table[CELL]))), dtype=bool)[first].tolist()
    has_reasons = REASON in table and table[REASON].dtype.kind not in "fiu"
    reasons = table[REASON][first].tolist() if has_reasons else [""] * len(cells)
    return dict(
        zip(map(int, cells.tolist()), zip(good, map(str, reasons), strict=True), strict=True)
    )


def trace_set(table: Mapping[str, NDArray[Any]], verdicts: Mapping[int, Verdict]) -> TraceSet:
    """Sort a trace table into traces.

    Parameters
    ----------
    table
        Columns of `pyama_core.io.traces`; rows in any order.
    verdicts
        What the workflow's filters said of each cell; what the table says is taken for others.
    """
    order = np.lexsort((table[FRAME], table[CELL]))
    rows = {name: column[order] for name, column in table.items()}
    cells, first = np.unique(rows[CELL].astype(np.int64), return_index=True)
    known = {**verdicts_of(rows), **verdicts}
    good = np.array([known[cell][0] for cell in cells.tolist()], dtype=bool)
    reasons = {cell: known[cell][1] for cell in cells.tolist()}
    starts = np.append(first, len(order)).astype(np.intp)
    owner = np.repeat(np.arange(len(cells)), np.diff(starts))
    frames, seen = np.unique(rows[FRAME].astype(np.int64), return_index=True)
    timeline = Timeline(frames, np.asarray(rows[TIME], dtype=np.float64)[seen])
    frame_index = np.searchsorted(frames, rows[FRAME])
    return TraceSet(rows, cells, starts, good, reasons, owner, timeline, frame_index)


@dataclass(frozen=True, slots=True)
class ViewFilter:
    """What a trace must be like to be shown.

    Attributes
    ----------
    min_length
        Frames in which the cell was measured, at least.
    min_border
        How far its center must stay from the image border, px.
    low, high
        Limits of the mean of the plotted feature over the trace; None for no limit.
    hide_rejected
        Whether traces that are not good are hidden.
    """

    min_length: int = 1
    min_border: float = 0.0
    low: float | None = None
    high: float | None = None
    hide_rejected: bool = False


def passing(
    view_filter: ViewFilter,
    traces: TraceSet,
    means: Callable[[], NDArray[np.float64]],
    border: Callable[[], NDArray[np.float64]],
    good: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return which traces are shown, ``(N,)``.

    Parameters
    ----------
    means
        Gives the mean of the plotted feature over each trace; called where a limit is set.
    border
        Gives how near each trace comes to the image border, px; likewise.
    good
        Good or not, as judged by filters and by hand.
    """
    shown = traces.lengths >= view_filter.min_length
    if view_filter.min_border > 0:
        shown &= border() >= view_filter.min_border
    if view_filter.hide_rejected:
        shown &= good
    if view_filter.low is not None:
        shown &= means() >= view_filter.low
    if view_filter.high is not None:
        shown &= means() <= view_filter.high
    return shown
