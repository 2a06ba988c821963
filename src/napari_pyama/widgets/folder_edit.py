"""A folder, typed or chosen."""

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget


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
