"""Results cannot be painted on, whenever they come and change; the user's duplicates can."""

import numpy as np
import psutil
import pytest
from napari.components import ViewerModel
from napari.layers._layer_actions import _duplicate_layer
from qtpy.QtCore import QTimer

from napari_pyama import reader
from napari_pyama.background.previews import PREVIEW
from napari_pyama.docks.steps import SegmentDock
from napari_pyama.layers.lazy import LazyStack
from napari_pyama.layers.result_source import open_results
from napari_pyama.layers.results import layers_of_results
from napari_pyama.reader import read_results_folder
from napari_pyama.session.viewer_layers import show_layers


@pytest.fixture
def results(folder):
    return open_results(folder)


@pytest.fixture
def filled(results):
    """A viewer in which results are shown, as a run shows them."""
    viewer = ViewerModel()
    show_layers(viewer, layers_of_results(*results, 0))
    return viewer


def test_results_are_read_only_after_every_change(filled, results):
    cells = filled.layers["cells"]
    for _ in range(2):
        assert not cells.editable and cells.mode == "pan_zoom"
        show_layers(filled, layers_of_results(*results, 0))
    filled.dims.ndisplay = 3
    filled.dims.ndisplay = 2
    cells.data = LazyStack(cells.data.shape, np.uint16, lambda where: np.zeros((64, 64)))
    assert not cells.editable


def test_results_opened_from_a_menu_or_a_script_are_read_only(folder, monkeypatch, until, qapp):
    viewer = ViewerModel()
    monkeypatch.setattr(reader, "current_viewer", lambda: viewer)
    for one in read_results_folder(str(folder)):
        viewer._add_layer_from_data(*one)
    assert not viewer.layers["cells"].editable
    QTimer.singleShot(0, lambda: read_results_folder(str(folder)))
    until(lambda: [layer.name for layer in viewer.layers].count("tracks [1]") == 1)
    assert not viewer.layers["cells [1]"].editable


def test_a_preview_is_read_only_after_every_change(viewer, shown, until):
    dock = shown(SegmentDock(viewer))
    until(lambda: f"{PREVIEW}segmentation" in viewer.layers)
    before = viewer.layers[f"{PREVIEW}segmentation"].data
    dock.form.rows["min_size"].edited.emit("min_size", 5)
    until(lambda: viewer.layers[f"{PREVIEW}segmentation"].data is not before)
    assert not viewer.layers[f"{PREVIEW}segmentation"].editable


def test_a_duplicate_is_an_array_that_can_be_painted_on_and_stays_the_users(filled, results):
    filled.layers.selection.active = filled.layers["cells"]
    _duplicate_layer(filled.layers)
    copy = filled.layers["cells copy"]
    assert isinstance(copy.data, np.ndarray) and copy.editable
    assert np.array_equal(copy.data[1, 2], filled.layers["cells"].data[1, 2])
    copy.paint((0, 0, 5, 5), 77)
    filled.layers.remove("cells")
    show_layers(filled, layers_of_results(*results, 0))
    assert copy.data[0, 0, 5, 5] == 77 and copy.editable
    assert not filled.layers["cells"].editable


def test_a_duplicate_that_does_not_fit_into_memory_is_refused(filled, monkeypatch):
    free = psutil.virtual_memory()._replace(available=1000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    filled.layers.selection.active = filled.layers["cells"]
    with pytest.raises(MemoryError, match="are free"):
        _duplicate_layer(filled.layers)
