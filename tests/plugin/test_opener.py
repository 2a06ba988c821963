"""Dropped files open in a thread while napari is in use; their layers follow one by one."""

from functools import partial

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QTimer

from napari_pyama import reader
from napari_pyama.layers.lazy import LazyStack
from napari_pyama.session import opener as opening
from napari_pyama.session.opened import Opened, open_images, open_tables
from napari_pyama.session.opener import Opener, opener_of
from pyama_core.errors import ReadError
from tests.plugin.stopwatch import timed
from tests.plugin.trace_tables import many_traces


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def opener(viewer, qapp):
    return Opener(viewer)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def image(name):
    return np.zeros((1, 4, 4), np.uint8), {"name": name}, "image"


def test_a_drop_while_napari_is_in_use_returns_at_once(viewer, small_nd2, until, monkeypatch):
    monkeypatch.setattr(reader, "current_viewer", lambda: viewer)
    returned = []
    QTimer.singleShot(0, lambda: returned.extend(reader.read_microscopy(str(small_nd2))))
    until(lambda: bool(returned))
    assert returned == [(None,)]
    until(lambda: not opener_of(viewer).busy)
    assert len(viewer.layers) == 2
    assert viewer.dims.current_step[:2] == (0, 0)
    assert all(layer.visible for layer in viewer.layers)


def test_files_open_in_the_order_in_which_they_were_dropped(viewer, opener, until):
    for name in "abc":
        opener.open_soon(name, partial(Opened, [image(f"{name}{i}") for i in range(3)]))
    until(lambda: not opener.busy)
    assert names(viewer) == [f"{name}{i}" for name in "abc" for i in range(3)]


def test_each_layer_has_a_turn_of_its_own(viewer, opener, until):
    turns = []
    viewer.layers.events.inserted.connect(
        lambda event: QTimer.singleShot(0, lambda: turns.append(len(viewer.layers)))
    )
    opener.show(Opened([image(str(i)) for i in range(4)]))
    until(lambda: len(turns) == 4)
    assert turns == [1, 2, 3, 4]


def test_a_file_that_cannot_be_opened_is_told_and_the_next_one_opens(
    viewer, opener, until, monkeypatch
):
    def fail():
        raise ReadError("x.nd2 is damaged")

    told = []
    opener.task.failed.disconnect(opening.notify_error)
    opener.task.failed.connect(told.append)
    opener.open_soon("x.nd2", fail)
    opener.open_soon("b", partial(Opened, [image("b")]))
    until(lambda: not opener.busy)
    assert [str(error) for error in told] == ["x.nd2 is damaged"]
    assert names(viewer) == ["b"]


def test_a_layer_that_cannot_be_shown_is_told_and_the_others_follow(
    viewer, opener, until, monkeypatch
):
    def fail(where):
        raise ReadError("x.nd2 is damaged")

    told = []
    monkeypatch.setattr(opening, "notify_error", told.append)
    damaged = LazyStack((1, 4, 4), np.uint8, fail), {"contrast_limits": (0, 1)}, "image"
    opener.show(Opened([image("a"), damaged, image("c")]))
    until(lambda: not opener.busy)
    assert [str(error) for error in told] == ["x.nd2 is damaged"]
    assert names(viewer) == ["a", "c"]


def test_what_is_cancelled_while_it_opens_is_not_shown(viewer, opener, until):
    def open_slowly():
        opener.task.cancel()
        return Opened([image("a")])

    opener.open_soon("a", open_slowly)
    until(lambda: not opener.busy)
    assert names(viewer) == []


def test_warnings_are_told(viewer, opener, until, monkeypatch):
    told = []
    monkeypatch.setattr("napari_pyama.session.viewer_setup.show_warning", told.append)
    opener.show(Opened([image("a")], ["Frames are missing."]))
    until(lambda: not opener.busy)
    assert told == ["Frames are missing."]


@timed
def test_opening_does_not_hold_the_gui_thread(viewer, small_nd2, tmp_path, stopwatch, until):
    opener = Opener(viewer)
    table = many_traces(tmp_path / "many_traces.csv")
    opener.open_soon("small.nd2", lambda: open_images([small_nd2]))
    opener.open_soon("table", lambda: open_tables([table]))
    until(lambda: not opener.busy)
    assert names(viewer)[-1] == "tracks"
    assert {"Opener._on_turn", "Opener.show", "Opener.open_soon"} <= {*stopwatch.longest}
    assert not stopwatch.slow
