"""A user's whole way in a real viewer: drop a file, tune, run, look, mark; and come back."""

import shutil

import numpy as np
import pytest

from napari_pyama.session.session import session_of
from napari_pyama.traces.marks import wait_for_saves
from pyama_core.columns import CELL, GOOD, REASON
from pyama_core.io.inspection import REJECTED, inspected_path
from pyama_core.io.tables import read_table
from pyama_core.processing.extraction import ExtractionParams
from pyama_core.processing.segmentation import SegmentationParams
from tests.plugin.test_viewer import open_dock, pytestmark  # noqa: F401


@pytest.fixture
def file(small_nd2, tmp_path):
    return shutil.copy(small_nd2, tmp_path / "experiment.nd2")


def test_from_a_dropped_file_to_inspected_traces_and_back(file, make_napari_viewer, until):
    viewer = make_napari_viewer(show=True)
    viewer.open(str(file), plugin="napari-pyama")
    tune(viewer, until)
    folder = run(viewer, until)
    traces, cell = mark_as_bad(viewer, until)
    inspected = read_table(inspected_path(traces))
    rows = inspected[CELL] == cell
    assert not inspected[GOOD][rows].any()
    assert set(inspected[REASON][rows]) == {REJECTED}
    assert read_table(traces)[GOOD][rows].all()
    viewer.window.remove_dock_widget("all")
    viewer.layers.clear()
    come_back(viewer, folder, cell, until)


def tune(viewer, until):
    """Change a parameter and see what it does."""
    _, dock = open_dock(viewer, "Segment")
    until(lambda: "preview: segmentation" in viewer.layers)
    before = np.asarray(viewer.layers["preview: segmentation"].data)
    gentle = SegmentationParams(opening_iterations=1, closing_iterations=0)
    session_of(viewer).set_section("segmentation", gentle)
    until(lambda: not np.array_equal(viewer.layers["preview: segmentation"].data, before))
    viewer.window.remove_dock_widget(dock)


def run(viewer, until):
    """Run everything with the tuned recipe; nothing but the form is touched."""
    _, dock = open_dock(viewer, "Run complete workflow")
    session_of(viewer).set_section("extraction", ExtractionParams(min_trace_length=1))
    until(lambda: "segmentation.opening_iterations = 1" in dock.recipe.text())
    folder = dock.form.folder.path
    assert folder.name == "experiment_pyama"
    dock.start()
    until(lambda: not dock.task.running and not dock.loading.busy)
    assert "All FOVs are done" in dock.message.text()
    assert {"cells", "tracks"} <= {layer.name for layer in viewer.layers}
    return folder


def mark_as_bad(viewer, until):
    """Reject the first good trace; return its table and its cell."""
    _, dock = open_dock(viewer, "Traces")
    until(lambda: dock.inspection is not None)
    fov_traces = dock.inspection.fov_traces
    path = dock._results.files(fov_traces.fov).traces_csv[0][1]
    table = read_table(path)
    cell = int(table[CELL][np.argmax(table[GOOD])])
    dock.select(cell)
    dock.act("bad")
    wait_for_saves()
    return path, cell


def come_back(viewer, folder, cell, until):
    """Drop the results: layers and marks are there again."""
    viewer.open(str(folder), plugin="napari-pyama")
    assert {"cells", "tracks"} <= {layer.name for layer in viewer.layers}
    _, dock = open_dock(viewer, "Traces")
    until(lambda: dock.inspection is not None)
    traces = dock.inspection.traces
    index = int(np.flatnonzero(traces.cells == cell)[0])
    assert not dock.inspection.good[index]
