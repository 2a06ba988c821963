"""What all docks are: a scrolling column that ends cleanly with its viewer."""

from typing import Any

from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QApplication,
    QDockWidget,
    QFrame,
    QMainWindow,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_pyama.docks.lazy_docks import preload_soon
from napari_pyama.session.session import session_of

_USUAL_WIDTH = 350


class Dock(QWidget):
    """A dock of the plugin: a scrolling `column`, and below it a `footer` that is always in view.

    Parameters
    ----------
    viewer
        The napari viewer, or a `ViewerModel` where there is no window.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = getattr(viewer, "__wrapped__", viewer)
        self.session = session_of(viewer)
        self._closed = False
        self._docked = False
        self.in_view = False
        self._joining = QTimer(self, singleShot=True, interval=0)
        self._joining.timeout.connect(self._join_others)
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self.refresh)
        self.column, self.footer = QVBoxLayout(), QVBoxLayout()
        self.column.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.column.setContentsMargins(8, 8, 8, 8)
        self.footer.setContentsMargins(8, 4, 8, 4)
        self._scroll = _scrolling(self.column)
        self._scroll.widget().installEventFilter(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._scroll, 1)
        layout.addLayout(self.footer)
        preload_soon()
        app = QApplication.instance()
        assert app is not None
        app.aboutToQuit.connect(self.shut_down)

    def sizeHint(self) -> QSize:
        """Ask for no more width than leaves room for the images on a small screen."""
        return QSize(max(_USUAL_WIDTH, self.minimumWidth()), 640)

    def eventFilter(self, watched: Any, event: QEvent | None) -> bool:
        """Keep the dock as wide as its content needs, since it scrolls up and down only."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            bar = self._scroll.verticalScrollBar().sizeHint().width()
            self.setMinimumWidth(watched.minimumSizeHint().width() + bar)
        return False

    def follow_viewer(self) -> None:
        """Refresh the dock after each change of the viewer: once after many at a time."""
        for event in self._viewer_events():
            event.connect(self.refresh_soon)

    def refresh_soon(self, event: Any = None) -> None:
        """Refresh when the GUI thread is free."""
        if not self._closed:
            self._soon.start()

    def refresh(self) -> None:
        """Show what is in view now."""

    def shut_down(self) -> None:
        """End all work and let go of the viewer; once."""
        if not self._closed:
            self._closed = True
            self._soon.stop()
            for event in self._viewer_events():
                event.disconnect(self.refresh_soon)
            self.on_shut_down()

    def _viewer_events(self) -> list[Any]:
        layers, dims = self.viewer.layers, self.viewer.dims
        return [
            layers.events.inserted,
            layers.events.removed,
            layers.selection.events.active,
            dims.events.point,
        ]

    def on_shut_down(self) -> None:
        """End this dock's own work."""

    def on_shown(self) -> None:
        """Start what is only done while the dock is in view."""

    def on_hidden(self) -> None:
        """Stop what is only done while the dock is in view."""

    def event(self, event: QEvent | None) -> bool:
        """Shut down when the dock is taken out of its window."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            self._on_new_parent()
        return bool(super().event(event))

    def showEvent(self, event: QShowEvent | None) -> None:
        """Start what is only done in view."""
        super().showEvent(event)
        self._set_in_view(True)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Stop what is only done in view, everything when the viewer goes."""
        super().hideEvent(event)
        self._set_in_view(False)
        frame = self.parent()
        if isinstance(frame, QDockWidget) and not frame.parentWidget().isVisible():
            self.shut_down()

    def _on_new_parent(self) -> None:
        frame, was_docked = self.parent(), self._docked
        self._docked = frame is not None
        if isinstance(frame, QDockWidget):
            frame.visibilityChanged.connect(self._set_in_view)
            self._joining.start()
        elif was_docked and frame is None:
            self.shut_down()
            self.deleteLater()

    def _set_in_view(self, in_view: bool) -> None:
        """Take note that the dock comes into view or goes; a tab behind another is not in view."""
        if self._closed or in_view == self.in_view:
            return
        self.in_view = in_view
        if in_view:
            self.on_shown()
        else:
            self.on_hidden()

    def _join_others(self) -> None:
        """Become a tab beside other docks of the plugin: below each other they are too low."""
        window, own = self.window(), self.parent()
        if self._closed or not isinstance(window, QMainWindow) or not isinstance(own, QDockWidget):
            return
        docks = [dock.parent() for dock in window.findChildren(Dock) if dock is not self]
        for other in docks:
            area = window.dockWidgetArea(own)
            if isinstance(other, QDockWidget) and window.dockWidgetArea(other) == area:
                window.tabifyDockWidget(other, own)
                own.show()
                own.raise_()
                return

    def closeEvent(self, event: Any) -> None:
        """Shut down."""
        self.shut_down()
        super().closeEvent(event)


def _scrolling(column: QVBoxLayout) -> QScrollArea:
    """Put a column into an area that scrolls up and down."""
    content = QWidget()
    content.setLayout(column)
    area = QScrollArea()
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area
