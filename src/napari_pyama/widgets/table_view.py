"""Show a table of columns; only what is in view is formatted."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtWidgets import QTableView

from pyama_core.columns import POSITION_X, POSITION_Y, TIME
from pyama_core.processing.extraction.features import feature_reference

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
