"""The docks as napari's menus know them: the first one to be opened is imported meanwhile."""

import threading
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Final

from qtpy.QtCore import QObject, QSize, Qt, QTimer, Signal
from qtpy.QtWidgets import QApplication, QDockWidget, QLabel, QVBoxLayout, QWidget

from napari_pyama.widgets.messages import user_is_waiting
from pyama_core.errors import sentence_of

_MODULES: Final = (
    "napari_pyama.session.opened",
    "napari_pyama.docks.steps",
    "napari_pyama.docks.run_dock",
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
    from napari_pyama.layers.raw import cell_colormap
    from napari_pyama.session.session import run_settings
    from napari_pyama.widgets.editors import parameters_of
    from pyama_core.processing.workflow.params import WorkflowParams

    for section in WorkflowParams.model_fields.values():
        list(parameters_of(section.annotation))  # type: ignore[arg-type]
    cell_colormap()
    run_settings()


class _Anteroom(QWidget):
    """Stands where a dock will be until all that the plugin needs is imported.

    Where nobody waits, or everything is there, making one gives the dock itself.
    """

    module: ClassVar[str]
    dock: ClassVar[str]

    def __new__(cls, napari_viewer: Any) -> Any:
        """Make the dock if that does not hold up anybody."""
        if preloading().done or not user_is_waiting():
            return cls._make(napari_viewer)
        return super().__new__(cls)

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._dock: Any = None
        self._next_turn = QTimer(self, singleShot=True, interval=0)
        self._next_turn.timeout.connect(self._give_way)
        self._label = QLabel("Loading…")
        self._label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._label.setWordWrap(True)
        QVBoxLayout(self).addWidget(self._label)
        preloading().finished.connect(self._open)
        preloading().start()
        if preloading().done:  # it may have ended before it was connected, or just after
            QTimer.singleShot(0, self._open)

    def sizeHint(self) -> QSize:
        """Take about as much room as the dock will."""
        return QSize(350, 640)

    @classmethod
    def _make(cls, viewer: Any) -> Any:
        return getattr(import_module(cls.module), cls.dock)(viewer)

    def _open(self) -> None:
        """Make the dock, once, and show it in a turn of its own, since both take Qt a while."""
        if self._dock is not None:
            return
        if not isinstance(self.parent(), QDockWidget):
            self.deleteLater()
            return
        try:
            dock = self._make(self._viewer)
        except Exception as error:
            self._label.setText(f"This dock cannot be opened: {sentence_of(error)}")
            return
        self._dock = dock
        self._next_turn.start()

    def _give_way(self) -> None:
        """Put the dock in the place of this one, unless that was closed meanwhile."""
        frame, dock = self.parent(), self._dock
        if isinstance(frame, QDockWidget):
            frame.setWidget(dock)
            self.setParent(None)
        else:
            dock.shut_down()
            dock.deleteLater()
        self.deleteLater()


class Copy(_Anteroom):
    """Copies a FOV out of its file."""

    module, dock = "napari_pyama.docks.steps", "CopyDock"


class Segment(_Anteroom):
    """Finds the cells."""

    module, dock = "napari_pyama.docks.steps", "SegmentDock"


class CorrectBackground(_Anteroom):
    """Takes the background out of fluorescence."""

    module, dock = "napari_pyama.docks.steps", "CorrectDock"


class Track(_Anteroom):
    """Follows cells over time."""

    module, dock = "napari_pyama.docks.steps", "TrackDock"


class ExtractTraces(_Anteroom):
    """Measures the cells."""

    module, dock = "napari_pyama.docks.steps", "ExtractDock"


class Traces(_Anteroom):
    """Plots the traces."""

    module, dock = "napari_pyama.traces.dock", "TracesDock"


class RunCompleteWorkflow(_Anteroom):
    """Runs all steps on many FOVs."""

    module, dock = "napari_pyama.docks.run_dock", "RunDock"
