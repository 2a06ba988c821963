"""The dock of traces: look at them, find their cells, judge them, export them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QSize, QTimer, Signal
from qtpy.QtGui import QColor, QResizeEvent

from napari_pyama.docks.dock import Dock
from napari_pyama.layers.raw import cell_colors
from napari_pyama.session.view import ResultsInView
from napari_pyama.traces.export import ExportBar
from napari_pyama.traces.inspection import Inspection
from napari_pyama.traces.loading import Loaded, TraceReader
from napari_pyama.traces.marks import save_soon
from napari_pyama.traces.plot import PlotColors
from napari_pyama.traces.trace_set import ViewFilter
from napari_pyama.traces.view import TraceView
from napari_pyama.traces.viewer_link import ViewerLink
from napari_pyama.widgets.messages import notify_error


class TracesDock(Dock):
    """Shows the traces of the FOV in view."""

    _save_failed = Signal(object)

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.inspection: Inspection | None = None
        self._results: ResultsInView | None = None
        self.view = TraceView(self.session.scratch)
        self.export = ExportBar(lambda: self.inspection, self.view.picture)
        self.view.lay_out(self.column, self.export)
        self.reader = TraceReader(self)
        self.link = ViewerLink(self.viewer, self.follow, self.select)
        self._connect()
        self._follow_theme()
        self._inspect(None)
        self.follow()

    def sizeHint(self) -> QSize:
        """Ask for a plot that is wide enough for a time course."""
        return QSize(430, 660)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Make the best of the place the dock is given."""
        super().resizeEvent(event)
        self.view.fit(self.size())

    def _connect(self) -> None:
        self.view.choices.fov.chosen.connect(lambda fov: self.link.go_to("p", fov))
        self.view.choices.channel.chosen.connect(lambda channel: self._choose(channel=channel))
        self.view.choices.feature.chosen.connect(lambda name: self._choose(feature=name))
        self.view.plot.picked.connect(self._on_picked)
        self.view.plot.cursor_dragged.connect(self._on_dragged)
        self.view.plot.cursor_released.connect(lambda: self.view.show_cursor(self._frame))
        self.view.plot.asked.connect(self.act)
        self.view.marks.asked.connect(self.act)
        self.view.filters.changed.connect(self._on_filter)
        self.reader.read.connect(self._on_read)
        self.reader.failed.connect(self._on_unreadable)
        self._save_failed.connect(notify_error)
        self.viewer.events.theme.connect(self._follow_theme)
        self.session.scratch_changed.connect(self.reader.look_again)

    def on_shut_down(self) -> None:
        """Stop reading and let go of the viewer; marks that are being saved are still saved."""
        self.reader.close()
        self.export.close_down()
        self.link.close()
        self.viewer.events.theme.disconnect(self._follow_theme)
        self.session.scratch_changed.disconnect(self.reader.look_again)
        self.view.plot.close()

    def on_shown(self) -> None:
        """Follow the files."""
        self.reader.watch(True)

    def on_hidden(self) -> None:
        """Rest."""
        self.reader.watch(False)

    def follow(self) -> None:
        """Show the FOV and the frame in view."""
        self._results = self.link.results()
        if self._results is None:
            self.reader.forget()
            if self.inspection is not None:
                self._inspect(None)
            return
        if not self._is_of_fov_in_view:
            self.select(None)
        self.reader.ask(self._results)
        self.view.show_cursor(self._frame)

    def select(self, cell: int | None) -> None:
        """Select a cell: its trace is on top, its label selected, a ring around it."""
        inspection = self.inspection
        if inspection is None or cell == inspection.selected:
            return
        if cell is not None and not self._is_of_fov_in_view:
            return
        inspection.selected = cell
        self.view.show_selected()
        if cell is None:
            self.link.hide_ring()
            return
        self.link.select(cell)
        rows, fov = inspection.rows_of_selected(), inspection.fov_traces.fov
        self.link.show_ring(rows, fov, cell_colors(cell)[0])

    def act(self, action: str) -> None:
        """Do what a key or button asks for."""
        inspection = self.inspection
        if inspection is None:
            return
        if action in ("next", "previous"):
            self._go_to_cell(inspection.neighbor(1 if action == "next" else -1))
        elif action in ("later", "earlier"):
            self._step(1 if action == "later" else -1)
        elif action == "deselect":
            self.select(None)
        elif action in ("good", "bad"):
            in_all = self.view.all_channels.isChecked()
            self._save(inspection.mark(action == "good", all_channels=in_all))
        else:
            marks = inspection.fov_traces.marks
            self._save(marks.undo() if action == "undo" else marks.redo())

    def _on_picked(self, index: int, minutes: float) -> None:
        """Go to the clicked cell, at the time that was clicked."""
        inspection = self.inspection
        if inspection is not None:
            frame = inspection.traces.timeline.frame_at(minutes, self._n_frames)
            self._go_to_cell(int(inspection.traces.cells[index]), frame)

    def _go_to_cell(self, cell: int | None, frame: int | None = None) -> None:
        """Select a cell and bring it into view, in the frame in view if it is there then."""
        if cell is None or self.inspection is None or self._results is None:
            return
        self.select(cell)
        position = self.inspection.position_at(self._frame if frame is None else frame)
        if position is not None:
            at, y, x = position
            self.link.go_to("t", at)
            self.link.bring_into_view(y, x)

    def _step(self, frames: int) -> None:
        self.link.go_to("t", min(max(self._frame + frames, 0), self._n_frames - 1))

    def _on_dragged(self, minutes: float) -> None:
        if self.inspection is not None:
            frame = self.inspection.traces.timeline.frame_at(minutes, self._n_frames)
            if frame != self._frame:
                self.link.go_to("t", frame)

    def _choose(self, channel: int | None = None, feature: str | None = None) -> None:
        if self.inspection is not None:
            self.inspection.choose(channel, feature)
            self.view.show_inspection(self.inspection, self._results)

    def _on_filter(self, view_filter: ViewFilter) -> None:
        if self.inspection is not None:
            self.inspection.view_filter = view_filter
            self.view.show_curves()

    def _save(self, paths: Iterable[Path]) -> None:
        """Show changed marks and have them written."""
        assert self.inspection is not None
        self.view.show_curves()
        self.view.show_selected()
        for path in paths:
            save_soon(path, self.inspection.fov_traces.marks.of(path), self._save_failed.emit)

    def _on_read(self, results: ResultsInView, loaded: Loaded) -> None:
        if self._results is None or results.files is not self._results.files:
            return
        old, new, metadata = self.inspection, loaded.traces, results.view.source.metadata
        self.view.offer_fovs(loaded.fovs, new.fov, metadata)
        if not new.channels:
            self._inspect(None)
        elif old is None or old.fov_traces is not new:
            inspection = Inspection(new, (metadata.height, metadata.width))
            inspection.view_filter = self.view.filters.view_filter
            if old is not None:
                inspection.choose(old.channel, old.feature)
            self._inspect(inspection)
            QTimer.singleShot(0, inspection.prepare)

    def _on_unreadable(self, error: BaseException) -> None:
        self._inspect(None)
        self.view.heading.setText(f"These traces cannot be shown: {error}")

    def _inspect(self, inspection: Inspection | None) -> None:
        self.inspection = inspection
        self.link.hide_ring()
        self.export.setEnabled(inspection is not None)
        self.view.show_inspection(inspection, self._results)
        self.view.show_cursor(self._frame)

    def _follow_theme(self, event: Any = None) -> None:
        theme = get_theme(self.viewer.theme)
        colors = (theme.background, theme.text, theme.warning)
        self.view.plot.set_colors(PlotColors(*(QColor(color.as_hex()) for color in colors)))

    @property
    def _is_of_fov_in_view(self) -> bool:
        """Whether the traces of the FOV in view have been read."""
        if self.inspection is None or self._results is None:
            return False
        return self.inspection.fov_traces.fov == self._results.view.fov

    @property
    def _frame(self) -> int:
        return self._results.view.frame if self._results else 0

    @property
    def _n_frames(self) -> int:
        return self._results.view.source.metadata.n_frames if self._results else 1
