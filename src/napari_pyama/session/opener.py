"""Open files while napari is in use, and show their layers one by one."""

import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from qtpy.QtCore import QEvent, QObject, QTimer

from napari_pyama.background.task import ActivityBar, Report, Task
from napari_pyama.session.viewer_registry import PerViewer
from napari_pyama.session.viewer_setup import prepare
from napari_pyama.widgets.messages import notify_error

if TYPE_CHECKING:
    from napari_pyama.layers.raw import LayerTuple
    from napari_pyama.session.opened import Opened

Open = Callable[[], "Opened"]


class Opener(QObject):
    """Opens files for one viewer, one after the other.

    Parameters
    ----------
    viewer
        A napari viewer, or a `ViewerModel` where there is no window.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._waiting: deque[tuple[str, Open]] = deque()
        self._layers: deque[LayerTuple] = deque()
        self._opening = False
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._on_turn)
        self.task = Task(self)
        self._activity = ActivityBar(self.task.cancel)
        self.task.succeeded.connect(self.show)
        self.task.failed.connect(notify_error)
        self.task.finished.connect(self._on_finished)
        window = getattr(getattr(viewer, "window", None), "_qt_window", None)
        if window is not None:  # which must not be kept alive from here
            window.installEventFilter(self)

    @property
    def busy(self) -> bool:
        """Whether there is anything left to open or to show."""
        return self._opening or bool(self._waiting or self._layers)

    def open_soon(self, title: str, open_files: Open) -> None:
        """Have files opened in a thread; their layers follow."""
        self._waiting.append((title, open_files))
        self._turn.start()

    def show(self, opened: "Opened") -> None:
        """Show layers, each in a turn of its own: napari takes its time for every one."""
        viewer = self._viewer()
        if viewer is not None:
            self._layers.extend(prepare(viewer, opened))
            self._turn.start()

    def eventFilter(self, watched: Any, event: QEvent | None) -> bool:
        """Stop when the window is closed."""
        if event is not None and event.type() == QEvent.Type.Hide and not event.spontaneous():
            self._waiting.clear()
            self._layers.clear()
            self.task.cancel()
        return False

    def _on_turn(self) -> None:
        viewer = self._viewer()
        if viewer is not None and self._layers:
            _add(viewer, self._layers.popleft())
        elif self._can_open:
            self._start(*self._waiting.popleft())
        if self._layers or self._can_open:
            self._turn.start()

    @property
    def _can_open(self) -> bool:
        return bool(self._waiting) and not self._opening

    def _start(self, title: str, open_files: Open) -> None:
        def work(_report: Report, cancel: threading.Event) -> "Opened":
            opened = open_files()
            if cancel.is_set():
                raise InterruptedError
            return opened

        self._opening = True  # first of all: napari draws while it makes the progress bar
        self.task.start(work)
        self._activity = ActivityBar(self.task.cancel)
        self._activity.open(f"Opening {title}", total=0)

    def _on_finished(self) -> None:
        self._opening = False
        self._activity.close()
        self._turn.start()


def _add(viewer: Any, layer: "LayerTuple") -> None:
    """Add a layer; where its first frame cannot be read, the others still follow."""
    try:
        viewer.add_layer(Layer.create(*layer))
    except Exception as error:
        notify_error(error)


opener_of = PerViewer(Opener)
"""Gives who opens files for a viewer; the same each time."""
