"""Import what docks need before one is opened: that takes longer than a click should."""

import threading
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Final

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QApplication

_MODULES: Final = (
    "napari_pyama.opened",
    "napari_pyama.widgets.steps",
    "napari_pyama.widgets.run",
    "napari_pyama.traces.dock",
    "dask.array",
)
_PAUSE_MS: Final = 300
"""How long the GUI may go on with what the user asked for first."""


class Preloading(QObject):
    """Imports all rooms of the plugin in a thread, once.

    Attributes
    ----------
    done
        Whether that has ended, well or not; true before `finished` comes.
    """

    finished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.done = False
        self._started = False

    def start(self) -> None:
        """Begin, unless that has happened."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._work, name="pyama-preload").start()

    def _work(self) -> None:
        with suppress(Exception):  # it comes again where it is needed, and is told there
            preload()
        self.done = True
        self.finished.emit()


@cache
def preloading() -> Preloading:
    """Return who imports the rooms; the same each time."""
    return Preloading()


def preload_soon() -> None:
    """Import all rooms of the plugin in a thread once Qt's event loop runs."""
    if QApplication.instance() is not None:
        _start_soon()


@cache
def _start_soon() -> None:
    QTimer.singleShot(_PAUSE_MS, preloading().start)


def preload() -> None:
    """Import all rooms of the plugin and have ready whatever takes long the first time."""
    for name in _MODULES:
        import_module(name)
    from napari_pyama.colors import cell_colormap
    from napari_pyama.parameters import parameters_of
    from napari_pyama.settings import run_settings
    from pyama_core.processing.workflow.params import WorkflowParams

    for section in WorkflowParams.model_fields.values():
        list(parameters_of(section.annotation))  # type: ignore[arg-type]
    cell_colormap()
    run_settings()
