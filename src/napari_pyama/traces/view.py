"""All that is seen of one inspection: the plot and the controls around it."""

from pathlib import Path
from typing import Any, Final

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_pyama.layers.raw import cell_colors, channel_name
from napari_pyama.session.view import ResultsInView
from napari_pyama.traces.export import Picture
from napari_pyama.traces.inspection import Inspection
from napari_pyama.traces.labels import describe_selected, describe_source, label_of
from napari_pyama.traces.panels import SPREADS, ChoiceBar, ChoiceBox, FilterBar, MarkBar, beside
from napari_pyama.traces.plot import TracePlot
from napari_pyama.widgets.basic import units_of_columns
from pyama_core.columns import TIME
from pyama_core.io import MicroscopyMetadata

Columns = tuple[tuple[str, ...], ...]
"""Names of parts, from left to right and from top to bottom."""

TALL: Final[Columns] = (("choose", "plot", "judge", "sum_up", "filters", "export"),)
WIDE: Final[Columns] = (("choose", "plot"), ("judge", "sum_up", "filters", "export"))
LOW: Final[Columns] = (("plot",), ("choose", "judge", "export"), ("sum_up", "filters"))

_WIDER: Final = 1.4
"""How much wider than high a place is where controls stand beside the plot."""
_LOW_PX: Final = 340
"""Below this height nothing but the plot has room above the controls."""
_PLOT_PX: Final = 180
_LOW_PLOT_PX: Final = 130
"""The least height of the plot."""
_CONTROLS_PX: Final = 350
"""The greatest width of controls beside the plot."""
_ANY_PX: Final = (1 << 24) - 1
"""The greatest width of any widget."""


class Arrangement(QHBoxLayout):
    """The plot and groups of controls in one column to three.

    Parameters
    ----------
    plot
        Takes all room that the controls leave.
    **groups
        The controls by the names of the arrangements.
    """

    def __init__(self, plot: QWidget, **groups: QWidget) -> None:
        super().__init__()
        self._parts = {"plot": plot, **groups}
        self._columns = [QVBoxLayout() for _ in LOW]
        self.columns: Columns = ()
        self.setSpacing(12)
        for column in self._columns:
            column.setSpacing(5)
            self.addLayout(column)
        self._arrange(TALL)

    def fit(self, size: QSize) -> None:
        """Arrange everything so that as much as possible is seen in a place of this size."""
        beside = LOW if size.height() < _LOW_PX else WIDE
        is_wide = size.width() > max(_WIDER * size.height(), self._narrowest(beside))
        self._arrange(beside if is_wide else TALL)

    def _narrowest(self, columns: Columns) -> int:
        """Return the width that columns need; a dock would grow to it and never shrink again."""
        least = {name: part.minimumSizeHint().width() for name, part in self._parts.items()}
        needed = sum(max(least[name] for name in names) for names in columns)
        return int(needed + self.spacing() * len(columns))

    def _arrange(self, columns: Columns) -> None:
        if columns == self.columns:
            return
        self.columns = columns
        self._parts["plot"].setMinimumHeight(_LOW_PLOT_PX if columns == LOW else _PLOT_PX)
        filled = [*columns, *[()] * (len(self._columns) - len(columns))]
        for i, names in enumerate(filled):
            self._fill(self._columns[i], names)
            self.setStretch(i, int("plot" in names))

    def _fill(self, column: QVBoxLayout, names: tuple[str, ...]) -> None:
        while column.count():
            column.takeAt(0)
        is_beside = "plot" not in names
        parts = [self._parts[name] for name in names]
        narrow = max([_CONTROLS_PX, *(part.minimumSizeHint().width() for part in parts)])
        for name, part in zip(names, parts, strict=True):
            part.setMaximumWidth(narrow if is_beside else _ANY_PX)
            column.addWidget(part, int(name == "plot"))
        if names and is_beside:
            column.addStretch()


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
