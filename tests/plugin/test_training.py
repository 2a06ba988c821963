"""Training the pixel classifier from strokes drawn in the viewer."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers._layer_actions import _duplicate_layer

from napari_pyama.background.previews import plane_of
from napari_pyama.background.training import examples_of
from napari_pyama.docks import steps as training_bar
from napari_pyama.docks.steps import SegmentDock
from napari_pyama.session.session import session_of
from pyama_core.io import ArraySource
from pyama_core.processing.segmentation import SegmentationParams
from tests.plugin.sources import open_in, stack_experiment

SIZE = 128


@pytest.fixture
def viewer():
    """Bright textured cells on a dark background, three frames of two FOVs."""
    rng = np.random.default_rng(1)
    movie = rng.normal(1000, 10, (2, 3, SIZE, SIZE))
    movie[:, :, 30:80, 30:80] += rng.normal(600, 150, (2, 3, 50, 50))
    model = ViewerModel()
    open_in(model, ArraySource(movie.astype(np.uint16), "PTYX", name="cells"))
    return model


@pytest.fixture
def dock(viewer, shown):
    made = shown(SegmentDock(viewer))
    session_of(viewer).set_section("segmentation", SegmentationParams(method="trained"))
    return made


def draw(viewer, dock):
    dock.training.draw.click()
    layer = viewer.layers["strokes"]
    paint(viewer, layer, 55, 42, 2)
    for x in (30, 60, 90):
        paint(viewer, layer, 110, x, 1)
    return layer


def paint(viewer, layer, y, x, label, size=9):
    """Paint a dot on the frame in view, as the mouse does."""
    layer.brush_size = size
    layer.paint((*viewer.dims.current_step[:2], y, x), label)
    layer.events.paint(value=[])


def test_it_is_offered_for_the_trained_method_only(viewer, dock):
    assert dock.training.isVisible()
    session_of(viewer).set_section("segmentation", SegmentationParams())
    assert not dock.training.isVisible()


def test_strokes_belong_to_their_frame_and_fov(viewer, dock):
    viewer.dims.set_current_step(1, 1)
    layer = draw(viewer, dock)
    assert layer.mode == "paint" and layer.editable
    assert dock.request().view.frame == 1
    assert shown_of(layer)[55, 42] == 2
    for step in ((0, 0), (1, 1), (0, 2)):
        viewer.dims.set_current_step((0, 1), step)
        assert not shown_of(layer).any()
    viewer.dims.set_current_step((0, 1), (0, 1))
    assert shown_of(layer)[55, 42] == 2


def shown_of(layer):
    """Return what the viewer shows of a layer."""
    return np.asarray(layer._slice.image.raw)


def test_one_layer_takes_the_strokes_of_all_frames(viewer, dock):
    draw(viewer, dock)
    viewer.dims.set_current_step((0, 1), (1, 2))
    draw(viewer, dock)
    assert [layer.name for layer in viewer.layers].count("strokes") == 1
    assert dock.training.drawn.text() == "Strokes on 2 frames: FOV 0 frame 0, FOV 1 frame 2."


def test_strokes_of_several_frames_are_learnt_each_with_its_image(viewer, dock, monkeypatch, until):
    draw(viewer, dock)
    viewer.dims.set_current_step((0, 1), (1, 2))
    draw(viewer, dock)
    viewer.dims.set_current_step((0, 1), (0, 1))
    learnt = []
    monkeypatch.setattr(training_bar, "train", lambda examples, *_: learnt.extend(examples))
    dock.training.trained.disconnect()
    dock.training.start("unused.npz")
    until(lambda: not dock.training.task.running)
    assert [(e.request.view.fov, e.request.view.frame) for e in learnt] == [(0, 0), (1, 2)]
    assert all(e.strokes[55, 42] == 2 and e.strokes[110, 30] == 1 for e in learnt)
    source = dock.request().view.source
    planes = [plane_of(example.request, 0) for example in learnt]
    assert np.array_equal(planes[0], source.read_frame(0, 0, 0))
    assert np.array_equal(planes[1], source.read_frame(1, 0, 2))


def test_strokes_can_be_taken_back_and_erased(viewer, dock):
    layer = draw(viewer, dock)
    paint(viewer, layer, 20, 20, 3)
    layer.undo()
    assert not shown_of(layer)[15:25, 15:25].any()
    layer.redo()
    assert shown_of(layer)[20, 20] == 3
    for y, x in ((55, 42), (110, 30), (110, 60), (110, 90), (20, 20)):
        paint(viewer, layer, y, x, 0)
    assert layer.data.painted() == []
    assert dock.training.drawn.text() == ""


def test_filling_and_polygons_stay_in_their_frame(viewer, dock):
    layer = draw(viewer, dock)
    viewer.dims.set_current_step((0, 1), (1, 1))
    layer.fill((1, 1, 5, 5), 1)
    layer.n_edit_dimensions = 2
    layer.paint_polygon([(1, 1, 20, 20), (1, 1, 20, 40), (1, 1, 40, 40)], 2)
    assert sorted(layer.data.frames) == [(0, 0), (1, 1)]
    assert shown_of(layer)[22, 30] == 2 and shown_of(layer)[100, 100] == 1


def test_on_a_z_stack_strokes_are_on_every_plane(shown):
    viewer = ViewerModel()
    open_in(viewer, stack_experiment())
    dock = shown(SegmentDock(viewer))
    session_of(viewer).set_section("segmentation", SegmentationParams(method="trained"))
    dock.training.draw.click()
    layer = viewer.layers["strokes"]
    viewer.dims.set_current_step((1, 2), (2, 0))
    layer.paint((0, 2, 0, 9, 9), 2)
    viewer.dims.set_current_step(2, 2)
    assert shown_of(layer)[9, 9] == 2
    viewer.dims.set_current_step(1, 1)
    assert not shown_of(layer).any()


def test_a_duplicate_of_strokes_is_its_own_and_is_learnt_too(viewer, dock):
    layer = draw(viewer, dock)
    viewer.layers.selection.active = layer
    _duplicate_layer(viewer.layers)
    other = viewer.layers["strokes copy"]
    paint(viewer, other, 20, 20, 2)
    assert not layer.data[0, 0, 20, 20]
    assert len(examples_of(viewer.layers[-2:], dock.request())) == 2


def test_strokes_make_a_classifier_that_is_used_at_once(viewer, dock, tmp_path, until):
    pytest.importorskip("sklearn.tree")  # here, not in the thread that trains
    draw(viewer, dock)
    path = tmp_path / "classifier.npz"
    dock.training.start(path)
    until(lambda: not dock.training.task.running)
    assert path.exists()
    assert session_of(viewer).recipe.segmentation.model == str(path)
    until(lambda: "preview: segmentation" in viewer.layers)
    found = np.asarray(viewer.layers["preview: segmentation"].data) > 0
    assert found[40:70, 40:70].mean() > 0.9
    assert found[90:, 90:].mean() < 0.1


def test_training_is_followed_and_cancelled_before_the_next_tree(viewer, dock, tmp_path, until):
    pytest.importorskip("sklearn.tree")  # here, not in the thread that trains
    draw(viewer, dock)
    dock.training.task.reported.connect(lambda words: dock.training.task.cancel())
    said = []
    dock.training.task.reported.connect(said.append)
    dock.training.start(tmp_path / "classifier.npz")
    assert dock.training.cancel.isVisible()
    until(lambda: not dock.training.task.running)
    assert said[0].startswith("growing tree ")
    assert len(said) < 40
    assert dock.training.message.text() == "The training was cancelled."
    assert not dock.training.cancel.isVisible()
    assert not list(tmp_path.iterdir())


def test_training_without_strokes_says_what_to_do(dock, tmp_path, until, monkeypatch):
    told = []
    monkeypatch.setattr(training_bar, "notify_error", told.append)
    dock.training.start(tmp_path / "classifier.npz")
    until(lambda: not dock.training.task.running)
    assert "Nothing is drawn yet" in str(told[0])
