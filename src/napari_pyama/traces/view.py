"""All that is seen of one inspection: the plot and the controls around it."""

from pathlib import Path
from typing import Any, Final

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from napari_pyama.colors import cell_colors
from napari_pyama.layers import channel_name
from napari_pyama.traces.arrangement import Arrangement
from napari_pyama.traces.export import Picture
from napari_pyama.traces.inspection import Inspection
from napari_pyama.traces.panels import SPREADS, ChoiceBar, ChoiceBox, FilterBar, MarkBar, beside
from napari_pyama.traces.plot import TracePlot
from napari_pyama.traces.wording import describe_selected, describe_source, label_of
from napari_pyama.view import ResultsInView
from napari_pyama.widgets.table_view import units_of_columns
from pyama_core.columns import TIME
from pyama_core.io import MicroscopyMetadata

NOTHING_TRACED: Final = (
    "There are no traces here yet. Drop a results folder or a traces CSV on the viewer, or run "
    "<i>Extract traces</i> on this field of view."
)


class TraceView:
    """The parts of the dock, and how they show an inspection.

    Parameters
    ----------
    scratch
        The session's scratch folder.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.inspection: Inspection | None = None
        self._units = units_of_columns()
        self.heading, self.messages, self.about, self.counts = (_text() for _ in range(4))
        self.choices, self.marks, self.filters = ChoiceBar(), MarkBar(), FilterBar()
        self.plot = TracePlot()
        self.all_channels = QCheckBox("Mark in all channels")
        self.all_channels.setToolTip("A mark then holds for the cell's traces in every channel.")
        self.spread = ChoiceBox("What the good traces that are shown have in common.")
        self.spread.offer(SPREADS, "none")
        self.spread.chosen.connect(self.show_curves)

    def lay_out(self, column: QVBoxLayout, export: QWidget) -> None:
        """Put the plot and the controls into a column."""
        column.setAlignment(Qt.AlignmentFlag(0))
        self.arrangement = Arrangement(
            self.plot,
            choose=_column(self.heading, self.messages, self.choices),
            judge=_column(self.about, self.marks),
            sum_up=_column(beside(self.spread, self.all_channels, stretch=(1, 0)), self.counts),
            filters=self.filters,
            export=export,
        )
        column.addLayout(self.arrangement)

    def fit(self, size: QSize) -> None:
        """Make the best of the place there is."""
        self.arrangement.fit(size)

    def show_inspection(self, inspection: Inspection | None, results: ResultsInView | None) -> None:
        """Show another FOV, channel or feature."""
        self.inspection = inspection
        messages = inspection.fov_traces.messages if inspection else []
        self.messages.setText(" ".join(message.text for message in messages))
        self.messages.setVisible(bool(messages))
        for part in (self.choices, self.filters, self.spread, self.all_channels):
            part.setEnabled(inspection is not None)
        if inspection is not None and results is not None:
            self.heading.setText(describe_source(results, self._scratch))
            self.heading.setToolTip(str(inspection.path))
            self._offer_choices(inspection, results.view.source.metadata)
        else:
            self.heading.setText(NOTHING_TRACED)
        self.show_curves()
        self.show_selected()
        self.plot.show_all()

    def offer_fovs(self, fovs: list[int], fov: int, metadata: MicroscopyMetadata) -> None:
        """Offer the FOVs that have traces."""
        names = dict(enumerate(metadata.fov_names))
        choices = [(i, f"{i} ({names[i]})" if names.get(i) else str(i)) for i in fovs]
        self.choices.fov.offer(choices, fov)

    def show_curves(self, _chosen: Any = None) -> None:
        """Draw all traces that are shown, and count them."""
        inspection = self.inspection
        if inspection is None:
            self.plot.clear_curves()
            self.counts.setText("")
            return
        self.plot.show_curves(*inspection.curves())
        self.plot.show_spread(inspection.spread(self.spread.currentData()))
        self.counts.setText(str(inspection.counts()))

    def show_selected(self) -> None:
        """Draw the selected trace and say whose it is."""
        inspection = self.inspection
        if inspection is None:
            self.about.setText("")
            self.marks.enable(some=False, selected=False, undo=False, redo=False)
            return
        self.plot.show_selected(inspection.curve_of_selected(), _color_of(inspection))
        self.about.setText(describe_selected(inspection))
        marks = inspection.fov_traces.marks
        self.marks.enable(
            some=bool(len(inspection.traces.cells)),
            selected=inspection.selected_index is not None,
            undo=marks.can_undo,
            redo=marks.can_redo,
        )

    def show_cursor(self, frame: int) -> None:
        """Put the time cursor at a frame's true time."""
        inspection = self.inspection
        self.plot.show_cursor(inspection.traces.timeline.minutes_of(frame) if inspection else None)

    def picture(self) -> Picture:
        """Return what is shown as it is written to a file."""
        inspection = self.inspection
        assert inspection is not None
        good, rejected = inspection.curves()
        return Picture(
            title=f"{self.choices.channel.currentText()}, FOV {inspection.fov_traces.fov}",
            x_label=self._label(TIME),
            y_label=self._label(inspection.feature),
            good=good,
            rejected=rejected,
            selected=inspection.curve_of_selected(),
            selected_name=f"Cell {inspection.selected}",
            color=_color_of(inspection),
            spread=inspection.spread(self.spread.currentData()),
            spread_name=self.spread.currentText(),
        )

    def _offer_choices(self, inspection: Inspection, metadata: MicroscopyMetadata) -> None:
        channels = [(c, channel_name(metadata, c)) for c in inspection.fov_traces.channels]
        self.choices.channel.offer(channels, inspection.channel)
        features = [(name, self._label(name)) for name in inspection.traces.features]
        self.choices.feature.offer(features, inspection.feature)
        self.filters.name_unit(self._units.get(inspection.feature, ""))
        self.all_channels.setVisible(len(channels) > 1)
        self.plot.show_labels(self._label(TIME), self._label(inspection.feature))

    def _label(self, column: str) -> str:
        return label_of(column, self._units.get(column, ""))


def _color_of(inspection: Inspection) -> tuple[float, ...]:
    return tuple(map(float, cell_colors(inspection.selected or 0)[0]))


def _column(*parts: QWidget) -> QWidget:
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(5)
    for part in parts:
        column.addWidget(part)
    return whole


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label
