"""Progress of a run, one line per FOV."""

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_pyama.run_progress import FovProgress, RunProgress

_HEADINGS = ("FOV", "Done", "Step")


class FovModel(QAbstractTableModel):
    """The FOVs of a run."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = RunProgress({})
        self._fovs: list[int] = []

    def show_progress(self, progress: RunProgress) -> None:
        """Show another run."""
        self.beginResetModel()
        self._progress, self._fovs = progress, list(progress.fovs)
        self.endResetModel()

    def refresh(self) -> None:
        """Show where the run is now."""
        last = self.index(max(len(self._fovs) - 1, 0), len(_HEADINGS) - 1)
        self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of FOVs."""
        return len(self._fovs)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return len(_HEADINGS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of one cell; the whole message and all notes as a tooltip."""
        number = self._fovs[index.row()]
        fov = self._progress.fovs[number]
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join((fov.message, *fov.notes))
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (str(number), f"{100 * fov.share:.0f} %", _what(fov))[index.column()]

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
    """One line per FOV: its number, how much is done, what goes on or why it failed."""

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
    said = f"{fov.step}: {fov.message}" if fov.step else fov.message
    return " ".join((f"{said}.", *fov.notes)) if fov.notes else said
