"""A text of several lines that is never cut."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_pyama.layers.raw import channel_name
from pyama_core.columns import POSITION_X, POSITION_Y, TIME
from pyama_core.io import MicroscopyMetadata
from pyama_core.processing.extraction.features import feature_reference


class WrappedLabel(QLabel):
    """A label that asks for the height its text needs at its width.

    A plain label with word wrap asks for the height at a width of its own choice, so that a form
    in a narrow dock cuts its text.

    Parameters
    ----------
    text
        What it shows at first.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)

    def setText(self, text: str | None) -> None:
        """Show a text."""
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: Any) -> None:
        """Ask for the height at the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(self.heightForWidth(self.width()) if self.text() else 0)


class ChannelPicker(QWidget):
    """A drop-down for the segmented channel and a box for each measured one.

    Parameters
    ----------
    with_measured
        Whether the measured channels are asked for too.
    """

    changed = Signal(int, object)
    """The segmented channel and the tuple of measured ones."""

    def __init__(self, with_measured: bool = True) -> None:
        super().__init__()
        self.pc = QComboBox()
        self.pc.setToolTip("The channel in which cells are found, usually phase contrast.")
        self.boxes: list[QCheckBox] = []
        self._measured = QVBoxLayout()
        self._measured.setSpacing(2)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addRow("Segmented channel", self.pc)
        if with_measured:
            layout.addRow("Measured channels", self._measured)
        self._with_measured = with_measured
        self._fl: tuple[int, ...] = ()
        self.pc.activated.connect(self._on_chosen)

    def show_channels(self, metadata: MicroscopyMetadata, pc: int, fl: tuple[int, ...]) -> None:
        """Offer the channels of an experiment and show which are chosen."""
        names = [channel_name(metadata, c) for c in range(max(metadata.n_channels, 1))]
        if names != [self.pc.itemText(i) for i in range(self.pc.count())]:
            self._offer(names)
        self._fl = fl
        self.pc.setCurrentIndex(pc)
        for channel, box in enumerate(self.boxes):
            box.blockSignals(True)
            box.setChecked(channel in fl)
            box.blockSignals(False)

    def _offer(self, names: list[str]) -> None:
        self.pc.clear()
        self.pc.addItems(names)
        for box in self.boxes:
            self._measured.removeWidget(box)
            box.deleteLater()
        self.boxes = [QCheckBox(name) for name in names] if self._with_measured else []
        for box in self.boxes:
            box.setToolTip("Measure every cell's fluorescence in this channel.")
            box.toggled.connect(self._on_chosen)
            self._measured.addWidget(box)

    def _on_chosen(self) -> None:
        fl = tuple(c for c, box in enumerate(self.boxes) if box.isChecked())
        self.changed.emit(self.pc.currentIndex(), fl if self._with_measured else self._fl)


class FolderEdit(QWidget):
    """A line for a folder and a button to choose one.

    Parameters
    ----------
    title
        Of the dialog.
    """

    changed = Signal()

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self.line = QLineEdit()
        self.browse = QPushButton("Browse…")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line)
        layout.addWidget(self.browse)
        self.line.editingFinished.connect(self.changed)
        self.browse.clicked.connect(self._on_browse)

    @property
    def path(self) -> Path | None:
        """The folder; None where nothing is typed."""
        text: str = self.line.text().strip()
        return Path(text).expanduser() if text else None

    @path.setter
    def path(self, path: Path) -> None:
        self.line.setText(str(path))
        self.line.setToolTip(str(path))

    def _on_browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self._title, str(self.path or ""))
        if chosen:
            self.path = Path(chosen)
            self.changed.emit()


Table = dict[str, NDArray[Any]]


_ROWS_THAT_SET_WIDTHS = 20


class TableModel(QAbstractTableModel):
    """Columns by name, all of one length."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: Table = {}

    def show_table(self, columns: Table) -> None:
        """Replace the columns."""
        self.beginResetModel()
        self.columns = columns
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return len(self.columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        """Return the text of one cell."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        column = list(self.columns.values())[index.column()]
        return _text(column[index.row()])

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> str | None:
        """Return a column's name or a row's number."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Vertical:
            return str(section)
        name = list(self.columns)[section]
        unit = units_of_columns().get(name, "")
        return f"{name} ({unit})" if unit else name


class TableView(QTableView):
    """A read-only table."""

    def __init__(self) -> None:
        super().__init__()
        self._model = TableModel()
        self.setModel(self._model)
        self.setMinimumHeight(160)
        self.horizontalHeader().setResizeContentsPrecision(_ROWS_THAT_SET_WIDTHS)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(20)

    def show_table(self, columns: Table) -> None:
        """Replace what is shown."""
        self._model.show_table(columns)
        self.resizeColumnsToContents()


@cache
def units_of_columns() -> dict[str, str]:
    """Return the unit of each column of a trace table that has one."""
    known = {TIME: "min", POSITION_X: "px", POSITION_Y: "px"}
    for row in feature_reference():
        known |= dict.fromkeys(row["columns"].split(", "), row["unit"])
    return known


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    return str(value)
