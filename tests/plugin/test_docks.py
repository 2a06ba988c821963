"""What stands for a dock while the plugin is imported, and how it ends."""

import pytest
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow

from napari_pyama.docks import lazy_docks as docks
from napari_pyama.docks.lazy_docks import Preloading
from napari_pyama.docks.steps import SegmentDock


class HeldPreloading(QObject):
    """Ends when it is told to."""

    finished = Signal()

    def __init__(self):
        super().__init__()
        self.done = False

    def start(self):
        pass

    def end(self):
        self.done = True
        self.finished.emit()


@pytest.fixture
def preloading(qapp, monkeypatch):
    held = HeldPreloading()
    monkeypatch.setattr(docks, "preloading", lambda: held)
    monkeypatch.setattr(docks, "user_is_waiting", lambda: True)
    return held


@pytest.fixture
def frame(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    frame = QDockWidget(window)
    yield frame
    frame.widget().close()


def said_in(frame):
    return [label.text() for label in frame.widget().findChildren(QLabel)]


def test_the_dock_comes_when_all_is_imported(preloading, frame, viewer, until):
    frame.setWidget(docks.Segment(viewer))
    assert said_in(frame) == ["Loading…"]
    preloading.end()
    until(lambda: isinstance(frame.widget(), SegmentDock))


def test_the_dock_comes_where_importing_ends_just_before_that_is_listened_to(
    preloading, frame, viewer, until
):
    preloading.start = lambda: setattr(preloading, "done", True)
    frame.setWidget(docks.Segment(viewer))
    until(lambda: isinstance(frame.widget(), SegmentDock))


def test_one_dock_is_made_where_importing_ends_just_after_that_is_listened_to(
    preloading, frame, viewer, until, monkeypatch
):
    made = []

    def make(viewer):
        made.append(SegmentDock(viewer))
        return made[-1]

    monkeypatch.setattr(docks.Segment, "_make", staticmethod(make))
    preloading.start = lambda: setattr(preloading, "done", True)
    frame.setWidget(docks.Segment(viewer))
    preloading.end()
    until(lambda: frame.widget() in made, seconds=10)
    assert len(made) == 1


def test_a_dock_that_cannot_be_imported_says_so(preloading, frame, viewer, monkeypatch):
    monkeypatch.setattr(docks.Segment, "module", "napari_pyama.nowhere")
    frame.setWidget(docks.Segment(viewer))
    preloading.end()
    (sentence,) = said_in(frame)
    assert sentence.startswith("This dock cannot be opened: ModuleNotFoundError")


def test_preloading_ends_where_an_import_fails(qapp, until, monkeypatch):
    def fail():
        raise ImportError

    monkeypatch.setattr("napari_pyama.docks.lazy_docks.preload", fail)
    preloading, ended = Preloading(), []
    preloading.finished.connect(lambda: ended.append(preloading.done))
    preloading.start()
    until(lambda: bool(ended))
    assert ended == [True]
