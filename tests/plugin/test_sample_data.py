"""The sample experiments: made once, off the GUI thread while napari is in use."""

import threading

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QTimer

from napari_pyama import sample_data
from napari_pyama import sample_data as sample_file
from napari_pyama import sample_data as sample_maker
from napari_pyama.sample_data import SampleFile, SampleMaker
from pyama_core import sample as samples
from tests.plugin.stopwatch import timed

SMALL = {"n_fovs": 1, "n_frames": 3, "height": 32, "width": 32}


@pytest.fixture
def sample(tmp_path, monkeypatch):
    """A small sample that is not made yet."""
    monkeypatch.setattr(sample_file.tempfile, "gettempdir", lambda: str(tmp_path))
    return SampleFile("small", "small sample", SMALL)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def held(monkeypatch):
    """Hold the making of every sample after its first frame until `go_on` is set."""
    go_on, begun = threading.Event(), threading.Event()
    make_sample = samples.make_sample

    def make(path, *, tick, **plan):
        def waiting(message, frame):
            tick(message, frame)
            begun.set()
            go_on.wait(20)

        return make_sample(path, tick=waiting, **plan)

    monkeypatch.setattr(samples, "make_sample", make)
    go_on.begun = begun
    yield go_on
    go_on.set()


@pytest.fixture
def maker(sample, qapp, until):
    made = SampleMaker(sample)
    yield made
    made.task.cancel()
    until(lambda: not made.task.running)


def open_soon(maker, viewer):
    data, arguments, _ = maker.open_soon(viewer)
    return viewer.add_image(data, **arguments)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def files(sample):
    return sorted(path.name for path in sample.path.parent.glob("*"))


def test_without_an_event_loop_the_layers_are_there_at_once(sample):
    layers = sample_data._open(sample)
    assert [arguments["name"] for _, arguments, _ in layers] == ["Phase", "GFP", "RFP"]
    assert files(sample) == ["small.nd2", "small_truth.npz"]


def test_while_napari_is_in_use_a_note_stands_for_the_sample_until_it_is_made(
    sample, viewer, held, until, monkeypatch
):
    monkeypatch.setattr(sample_data, "current_viewer", lambda: viewer)
    QTimer.singleShot(0, lambda: [viewer._add_layer_from_data(*one) for one in ask(sample)])
    until(held.begun.is_set)
    assert names(viewer) == ["Opening the small sample…"]
    held.set()
    until(lambda: names(viewer) == ["Phase", "GFP", "RFP"])
    assert viewer.dims.current_step[:2] == (0, 0)


def ask(sample):
    return sample_data._open(sample)


def test_a_sample_that_is_made_is_not_made_again(sample, viewer, until, monkeypatch):
    sample.make()
    monkeypatch.setattr(samples, "make_sample", None)
    monkeypatch.setattr(sample_data, "current_viewer", lambda: viewer)
    QTimer.singleShot(0, lambda: [viewer._add_layer_from_data(*one) for one in ask(sample)])
    until(lambda: names(viewer) == ["Phase", "GFP", "RFP"])


def test_a_second_click_does_not_make_it_twice(sample, maker, viewer, held, until, monkeypatch):
    starts = []
    monkeypatch.setattr(maker, "_start", lambda start=maker._start: (starts.append(1), start()))
    open_soon(maker, viewer)
    until(held.begun.is_set)
    open_soon(maker, viewer)
    held.set()
    until(lambda: names(viewer) == ["Phase", "GFP", "RFP"])
    assert len(starts) == 1


@timed
def test_no_callback_holds_the_gui_thread_meanwhile(sample, viewer, stopwatch, until):
    maker = SampleMaker(sample)
    open_soon(maker, viewer)
    until(lambda: names(viewer) == ["Phase", "GFP", "RFP"])
    assert "SampleMaker._on_made" in stopwatch.longest
    assert not stopwatch.slow


@pytest.mark.parametrize("end", ["layers.clear", "cancel"])
def test_a_sample_that_is_not_wanted_any_more_leaves_no_file(
    end, sample, maker, viewer, held, until
):
    open_soon(maker, viewer)
    until(held.begun.is_set)
    if end == "cancel":
        maker._cancel()
    else:
        viewer.layers.clear()
    held.set()
    until(lambda: not maker.task.running)
    assert names(viewer) == []
    assert files(sample) == []


def test_a_sample_that_is_asked_for_again_while_it_is_cancelled_is_made(
    sample, maker, viewer, held, until
):
    open_soon(maker, viewer)
    until(held.begun.is_set)
    viewer.layers.clear()
    open_soon(maker, viewer)
    held.set()
    until(lambda: names(viewer) == ["Phase", "GFP", "RFP"])


def test_a_failure_is_told_and_the_note_goes(sample, maker, viewer, until, monkeypatch):
    def fail(path, **plan):
        raise OSError("the disk is full")

    told = []
    monkeypatch.setattr(sample_maker, "notify_error", told.append)
    monkeypatch.setattr(samples, "make_sample", fail)
    open_soon(maker, viewer)
    until(lambda: not maker.task.running)
    assert names(viewer) == []
    assert str(told[0]) == "the disk is full"
