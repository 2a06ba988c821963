"""Load and save the shared recipe, copy it as a command."""

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_pyama.session import Session
from napari_pyama.widgets.dock import notify, notify_error

_FILTER = "Recipe (*.yaml *.yml)"


class RecipeBar(QWidget):
    """Buttons for the recipe that all docks share."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.load = QPushButton("Load recipe…")
        self.load.setToolTip("Take the parameters of all steps from a file.")
        self.save = QPushButton("Save recipe…")
        self.save.setToolTip("Write the parameters of all steps to a file.")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self.load, self.save):
            layout.addWidget(button)
        self.load.clicked.connect(self._on_load)
        self.save.clicked.connect(self._on_save)

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
