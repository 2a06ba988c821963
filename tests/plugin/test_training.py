"""Training the pixel classifier from strokes drawn in the viewer."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_pyama.session import session_of
from napari_pyama.widgets import training_bar
from napari_pyama.widgets.steps import SegmentDock
from pyama_core.io import ArraySource
from pyama_core.processing.segmentation import SegmentationParams
from tests.plugin.sources import open_in

SIZE = 128


@pytest.fixture
def viewer():
    """Bright textured cells on a dark background, two frames."""
    rng = np.random.default_rng(1)
    movie = rng.normal(1000, 10, (1, 2, SIZE, SIZE))
    movie[:, :, 30:80, 30:80] += rng.normal(600, 150, (1, 2, 50, 50))
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
    layer = viewer.layers[-1]
    layer.data[45:65, 40:45] = 2
    layer.data[100:120, 20:100] = 1
    return layer


def test_it_is_offered_for_the_trained_method_only(viewer, dock):
    assert dock.training.isVisible()
    session_of(viewer).set_section("segmentation", SegmentationParams())
    assert not dock.training.isVisible()


def test_a_layer_to_draw_on_belongs_to_the_frame_in_view(viewer, dock):
    viewer.dims.set_current_step(1, 1)
    layer = draw(viewer, dock)
    assert layer.name == "strokes: FOV 0, frame 1"
    assert layer.mode == "paint"
    assert layer.editable
    assert dock.request().view.frame == 1


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
