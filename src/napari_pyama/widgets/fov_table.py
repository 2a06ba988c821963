"""Progress of a run, one line per FOV."""

from typing import Any, Final

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor, QIcon
from qtpy.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QStyle, QTableView

from napari_pyama.notices import with_weight
from napari_pyama.run_progress import FovProgress, RunProgress
from pyama_core.messages import Weight

_HEADINGS = ("FOV", "Done", "Step")
_STEP: Final = 2
"""The column that says what is done, or how it ended."""
_COLORS: Final[dict[Weight, str]] = {"warning": "#e0a030", "error": "#e5604d"}
"""Of the text of a line, readable in napari's light and dark theme."""


class FovModel(QAbstractTableModel):
    """The FOVs of a run."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = RunProgress({})
        self._fovs: list[int] = []

    def show_progress(self, progress: RunProgress) -> None:
        """Show where a run is now, or another run; FOVs to be looked at come first."""
        order = progress.order
        if progress is not self._progress or order != self._fovs:
            self.beginResetModel()
            self._progress, self._fovs = progress, order
            self.endResetModel()
        elif self._fovs:
            last = self.index(len(self._fovs) - 1, len(_HEADINGS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of FOVs."""
        return len(self._fovs)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return len(_HEADINGS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of one cell; all messages as a tooltip; what stands out is colored."""
        number = self._fovs[index.row()]
        fov = self._progress.fovs[number]
        if role == Qt.ItemDataRole.DisplayRole:
            return (str(number), f"{100 * fov.share:.0f} %", _what(fov))[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join((fov.message, *map(with_weight, fov.messages)))
        if role == Qt.ItemDataRole.ForegroundRole and fov.weight in _COLORS:
            return QColor(_COLORS[fov.weight])
        if role == Qt.ItemDataRole.DecorationRole and index.column() == _STEP:
            return _icon(fov.weight)
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> str | None:
        """Return a column's heading."""
        if role != Qt.ItemDataRole.DisplayRole or orientation == Qt.Orientation.Vertical:
            return None
        return _HEADINGS[section]


class FovTable(QTableView):
    """One line per FOV: its number, how much is done, the step or why it failed."""

    def __init__(self) -> None:
        super().__init__()
        self.fovs = FovModel()
        self.setModel(self.fovs)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(20)
        header = self.horizontalHeader()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.setMinimumHeight(110)
        self.setWordWrap(False)


def _what(fov: FovProgress) -> str:
    """Return what is done, or how it ended and what is to be looked at."""
    said = f"{fov.step}: {fov.message}" if fov.step else fov.message
    heavy = [str(message) for message in fov.messages if message.weight != "info"]
    return " ".join((f"{said}.", *heavy)) if heavy else said


def _icon(weight: Weight) -> QIcon | None:
    """Return the sign that the desktop uses for warnings and errors."""
    style = QApplication.style()
    if weight == "info" or style is None:
        return None
    signs = QStyle.StandardPixmap
    warning = weight == "warning"
    return style.standardIcon(
        signs.SP_MessageBoxWarning if warning else signs.SP_MessageBoxCritical
    )
