"""Load and save the shared recipe, copy it as a command."""

from collections.abc import Callable
from pathlib import Path

from napari.utils.notifications import show_warning
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QGridLayout,
    QPushButton,
    QWidget,
)

from napari_pyama.background.run import RunRequest, command_of
from napari_pyama.session.session import Session
from napari_pyama.widgets.messages import notify, notify_error
from pyama_core.errors import InputError

_FILTER = "Recipe (*.yaml *.yml)"


class RecipeBar(QWidget):
    """Buttons for the recipe that all docks share.

    Parameters
    ----------
    session
        Holds the recipe.
    request
        Gives the run that "Copy as command" is to write out; raises `InputError` where it cannot.
    """

    def __init__(self, session: Session, request: Callable[[], RunRequest]) -> None:
        super().__init__()
        self._session = session
        self._request = request
        self.load = QPushButton("Load recipe…")
        self.load.setToolTip("Take the parameters of all steps from a file.")
        self.save = QPushButton("Save recipe…")
        self.save.setToolTip("Write the parameters of all steps to a file.")
        self.command = QPushButton("Copy as command")
        self.command.setToolTip("Copy the pyama line that does the whole run in a terminal.")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.load, 0, 0)
        layout.addWidget(self.save, 0, 1)
        layout.addWidget(self.command, 1, 0, 1, 2)
        self.load.clicked.connect(self._on_load)
        self.save.clicked.connect(self._on_save)
        self.command.clicked.connect(self._on_copy_command)

    def _on_copy_command(self) -> None:
        try:
            command = command_of(self._request())
        except InputError as error:
            show_warning(str(error))
            return
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(command)
        notify("The command is on the clipboard.")

    def _on_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load recipe", "", _FILTER)
        if not path:
            return
        try:
            self._session.load_recipe(Path(path))
        except (ValueError, OSError) as error:
            notify_error(error)

    def _on_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save recipe", "recipe.yaml", _FILTER)
        if not path:
            return
        try:
            self._session.save_recipe(Path(path))
            notify(f"The recipe is in {path}.")
        except OSError as error:
            notify_error(error)
