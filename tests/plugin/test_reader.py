"""Readers: ND2 files, results folders of any layout, trace tables."""

import shutil

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

import napari_pyama
from napari_pyama import reader
from napari_pyama.layers.raw import FILES
from napari_pyama.reader import (
    get_microscopy_reader,
    get_results_reader,
    get_traces_reader,
    read_microscopy,
    read_results_folder,
    read_trace_table,
)
from napari_pyama.session.view import results_in_view
from pyama_core.columns import TRACE_COLUMNS
from pyama_core.errors import InputError
from pyama_core.io.inspection import inspected_path
from pyama_core.io.tables import write_table
from tests.plugin.stopwatch import timed
from tests.plugin.trace_tables import CELLS, results_folder


@pytest.fixture(scope="module")
def results(small_nd2, tmp_path_factory):
    """Results of two FOVs of the small file, and the file itself beside them."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copy(small_nd2, folder / "small.nd2")
    assert napari_pyama.run_complete_workflow(
        folder / "small.nd2", folder / "out", pc=0, fl=[1], fovs="0-1", n_workers=1
    )
    return folder / "out"


def layers_of(tuples):
    return {layer.name: layer for layer in (Layer.create(*one) for one in tuples)}


def test_readers_take_what_is_theirs(tmp_path, results):
    assert get_microscopy_reader("a.ND2")
    assert get_microscopy_reader(["a.nd2", "b.tif"]) is None
    assert get_results_reader(str(results))
    assert get_results_reader(str(results / "processing_results.yaml"))
    assert get_results_reader(str(tmp_path)) is None
    assert get_traces_reader("x_traces_ch_1.csv")
    assert get_traces_reader("cells.csv") is None


def test_an_nd2_file_opens_as_one_layer_per_channel(small_nd2):
    layers = layers_of(read_microscopy(str(small_nd2)))
    assert len(layers) == 2
    assert all(layer.data.shape == (3, 4, 96, 96) for layer in layers.values())


def test_results_come_back_above_the_raw_frames_of_their_file(results):
    layers = layers_of(read_results_folder(str(results)))
    assert {"segmentation", "cells", "tracks"} <= set(layers)
    assert all(layer.units[-1] == layers["cells"].units[-1] for layer in layers.values())
    assert layers["cells"].data.shape == (3, 4, 96, 96)
    assert np.asarray(layers["cells"].data[1]).any()
    assert not layers["segmentation"].visible


def test_results_without_index_or_raw_copies_show_what_there_is(results, tmp_path):
    moved = tmp_path / "bare"
    shutil.copytree(results, moved)
    (moved / "processing_results.yaml").unlink()
    shutil.rmtree(moved / "runs")
    for raw in [*moved.rglob("*_pc_ch_*.npy"), *moved.rglob("*_fl_ch_*.npy")]:
        raw.unlink()
    names = set(layers_of(read_results_folder(str(moved))))
    assert "cells" in names
    assert not {"phase (channel 0)", "channel 1"} & names


@timed
def test_opening_does_not_hold_the_gui_thread(small_nd2, results, stopwatch):
    reader.read_microscopy(str(small_nd2))
    reader.read_results_folder(str(results))
    reader.read_trace_table(str(next(results.glob("fov_000/*_traces_ch_1.csv"))))
    assert len(stopwatch.longest) == 3
    assert not stopwatch.slow


def test_a_folder_without_results_is_refused(tmp_path):
    (tmp_path / "fov_000").mkdir()
    with pytest.raises(InputError, match="holds no results"):
        read_results_folder(str(tmp_path))


def test_a_trace_table_of_a_run_opens_in_the_scale_of_the_run(results):
    path = next(results.glob("fov_001/*_traces_ch_1.csv"))
    tracks = layers_of(read_trace_table(str(path)))["tracks"]
    assert tracks.metadata["fov"] == 1
    assert tracks.scale[-1] == layers_of(read_results_folder(str(results)))["cells"].scale[-1]


def test_tracks_of_a_trace_table_are_seen_from_end_to_end_in_the_first_frame(results):
    path = next(results.glob("fov_000/*_traces_ch_1.csv"))
    tracks = layers_of(read_trace_table(str(path)))["tracks"]
    last = int(tracks.data[:, 1].max())
    assert tracks.tail_length > last and tracks.head_length > last


def test_a_trace_table_on_its_own_opens_in_pixels(tmp_path):
    columns = dict.fromkeys(TRACE_COLUMNS, np.array([1.0, 2.0, 3.0]))
    table = columns | {"fov": [0] * 3, "cell": [4, 4, 5], "frame": [0, 1, 1], "time": [0, 5.0, 5.0]}
    table["good"] = [True] * 3
    path = tmp_path / "some_traces_ch_0.csv"
    write_table(path, {name: np.asarray(values) for name, values in table.items()})
    tracks = layers_of(read_trace_table(str(path)))["tracks"]
    assert tracks.data[:, 0].tolist() == [4, 4, 5]
    assert tracks.scale.tolist() == [5, 1, 1]
    assert str(tracks.units[-1]) == "pixel"


def test_the_results_in_view_give_their_files(results):
    viewer = ViewerModel()
    assert results_in_view(viewer) is None
    for one in read_results_folder(str(results)):
        viewer.add_layer(Layer.create(*one))
    found = results_in_view(viewer)
    assert found.files is viewer.layers["cells"].metadata[FILES]
    assert found.view.source.metadata.n_fovs == 3
    assert found.files(0).traces_csv[0][1].exists()


@pytest.mark.parametrize("kind", ["traces_ch_?", "traces_ch_?_inspected", "lineage_ch_?"])
@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"cell,frame,good\n1,0,perhaps\n"])
def test_a_damaged_table_keeps_no_folder_shut(tmp_path, kind, content):
    folder = results_folder(tmp_path / "results")
    for path in folder.glob("fov_*/*_traces_ch_*.csv"):
        inspected_path(path).write_bytes(path.read_bytes())
    damaged = list(folder.glob(f"fov_*/*_{kind}.csv"))
    assert damaged
    for path in damaged:
        path.write_bytes(content)
    tracks = layers_of(read_results_folder(str(folder)))["tracks"]
    assert set(tracks.data[:, 0]) == set(CELLS)
