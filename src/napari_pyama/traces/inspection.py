"""Looking at the traces of one FOV: what is chosen, shown, selected and marked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_pyama.counted import counted
from napari_pyama.traces.curves import (
    Curve,
    Spread,
    curve_of,
    mean_and_deviation,
    median_and_quartiles,
    ranked_rows,
)
from napari_pyama.traces.filters import ViewFilter, passing
from napari_pyama.traces.loading import ChannelTraces, FovTraces
from napari_pyama.traces.trace_set import Table, TraceSet
from pyama_core.columns import FRAME, INTENSITY_TOTAL, POSITION_X, POSITION_Y

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
