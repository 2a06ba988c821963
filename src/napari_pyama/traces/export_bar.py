"""Buttons that write the plot and the table of what is shown."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_pyama.notices import notify, notify_error
from napari_pyama.task import Report, Task
from napari_pyama.traces.export import (
    PICTURES,
    Picture,
    table_of_shown,
    write_picture,
    write_shown,
)
from napari_pyama.traces.inspection import Inspection

_PICTURES: Final = "Picture (*.png);;Drawing (*.svg)"
_TABLES: Final = "Table (*.csv)"

Write = Callable[[Path], None]


class ExportBar(QWidget):
    """Asks for a file and writes it off the GUI thread.

    Parameters
    ----------
    inspection
        Gives what is shown; None where nothing is.
    picture
        Gives the plot that is shown.
    """

    written = Signal(object)
    """The path of a file that is there."""

    def __init__(
        self, inspection: Callable[[], Inspection | None], picture: Callable[[], Picture]
    ) -> None:
        super().__init__()
        self._inspection, self._picture = inspection, picture
        self.plot = QPushButton("Export plot…")
        self.plot.setToolTip("Draw what is shown into a PNG or SVG file.")
        self.table = QPushButton("Export table…")
        self.table.setToolTip("Write the traces that are shown, with your marks, to a CSV file.")
        self._task = Task(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        layout.addWidget(self.table)
        self.plot.clicked.connect(self._on_plot)
        self.table.clicked.connect(self._on_table)
        self._task.succeeded.connect(self._on_written)
        self._task.failed.connect(notify_error)
        self._task.finished.connect(lambda: self._allow(True))

    def close_down(self) -> None:
        """Report nothing more; a file that is being written still appears whole."""
        self._task.close()

    def _on_plot(self) -> None:
        inspection = self._inspection()
        path = self._ask("Export plot", "png", _PICTURES) if inspection else None
        if path is not None:
            picture = self._picture()
            self._write(path, lambda file: write_picture(file, picture))

    def _on_table(self) -> None:
        inspection = self._inspection()
        path = self._ask("Export table", "csv", _TABLES) if inspection else None
        if path is not None and inspection is not None:
            table = table_of_shown(inspection)
            self._write(path, lambda file: write_shown(file, table))

    def _ask(self, title: str, suffix: str, kinds: str) -> Path | None:
        """Return the chosen path, with the suffix of the chosen kind where it has none."""
        inspection = self._inspection()
        assert inspection is not None
        name = f"{inspection.path.stem}_{inspection.feature}.{suffix}"
        chosen, kind = QFileDialog.getSaveFileName(self, title, name, kinds)
        if not chosen:
            return None
        path = Path(chosen)
        known = PICTURES if suffix == "png" else (f".{suffix}",)
        if path.suffix.lower() in known:
            return path
        return path.with_name(path.name + (".svg" if "svg" in kind else f".{suffix}"))

    def _write(self, path: Path, write: Write) -> None:
        def work(_report: Report, _cancel: threading.Event) -> Path:
            write(path)
            return path

        if not self._task.running:
            self._allow(False)
            self._task.start(work)

    def _on_written(self, path: Path) -> None:
        notify(f"Written: {path}")
        self.written.emit(path)

    def _allow(self, on: bool) -> None:
        self.plot.setEnabled(on)
        self.table.setEnabled(on)
