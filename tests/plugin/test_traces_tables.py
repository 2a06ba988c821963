"""What the dock of traces shows of tables: dropped ones, new ones, damaged ones."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_pyama.layers.raw import origin_of
from napari_pyama.layers.result_source import open_traces
from napari_pyama.layers.results import layers_of_results
from napari_pyama.reader import read_trace_table
from napari_pyama.session.session import session_of
from napari_pyama.session.viewer_layers import show_layers
from napari_pyama.traces.dock import TracesDock
from napari_pyama.traces.labels import describe_source
from napari_pyama.traces.marks import wait_for_saves
from napari_pyama.traces.viewer_link import RING
from pyama_core.columns import INTENSITY_TOTAL
from pyama_core.errors import InputError
from pyama_core.io.experiment import write_experiment_table
from pyama_core.io.inspection import inspected_path
from pyama_core.io.results import read_results
from pyama_core.io.tables import write_table
from tests.plugin.sources import open_layers
from tests.plugin.trace_tables import (
    INTERVAL,
    N_FRAMES,
    results_folder,
    table,
)


def test_new_traces_of_a_run_are_shown_with_a_note(dock, opened, until):
    dock.select(1)
    dock.act("bad")
    wait_for_saves()
    old, rows = dock.inspection, table(lives={1: (0, 6), 5: (0, 2)})
    write_table(old.path, rows)
    session_of(opened).scratch_changed.emit(0)
    until(lambda: dock.inspection is not old)
    assert dock.inspection.traces.cells.tolist() == [1, 5]
    assert "has changed since it was inspected" in dock.view.messages.text()


def test_a_damaged_table_is_told_in_the_dock(dock, until):
    dock.inspection.path.write_text("cell,frame\n1,2,3\n")
    dock.reader.look_again()
    until(lambda: "cannot be shown" in dock.view.heading.text())
    assert dock.inspection is None


def test_a_dropped_table_opens_as_tracks_and_in_the_dock(tmp_path, shown, until):
    path = tmp_path / "my_traces.csv"
    write_table(path, table(fov=3))
    viewer = ViewerModel()
    open_layers(viewer, read_trace_table(str(path)))
    dock = shown(TracesDock(viewer))
    until(lambda: dock.inspection is not None)
    assert dock.inspection.fov_traces.fov == 3
    dock.view.plot.picked.emit(2, INTERVAL * 4)
    assert viewer.dims.current_step[0] == 4
    assert viewer.layers[RING].ndim == 3
    viewer.dims.set_current_step(0, N_FRAMES - 1)
    assert dock.view.plot._cursor.value() == INTERVAL * (N_FRAMES - 1)


def test_a_table_dropped_beside_an_open_experiment_is_shown(dock, opened, tmp_path, until):
    path = tmp_path / "other_traces.csv"
    write_table(path, table(lives={7: (0, 6)}))
    open_layers(opened, read_trace_table(str(path)))
    until(lambda: dock.inspection.traces.cells.tolist() == [7])
    opened.layers.selection.active = opened.layers["cells"]
    until(lambda: len(dock.inspection.traces.cells) == 4)


def test_an_inspected_copy_opens_as_the_table_it_is_of(dock):
    dock.select(1)
    dock.act("bad")
    wait_for_saves()
    _, files, fov = open_traces(inspected_path(dock.inspection.path))
    assert dict(files(fov).traces_csv)[1] == dock.inspection.path


def test_a_later_layouts_table_offers_its_channels(tmp_path, shown, until):
    path = tmp_path / "movie_fov_002_traces.csv"
    rows = table(fov=2)
    total = rows.pop(INTENSITY_TOTAL)
    both = {f"{INTENSITY_TOTAL}_ch_1": total, f"{INTENSITY_TOTAL}_ch_2": 2 * total}
    write_table(path, rows | both)
    viewer = ViewerModel()
    open_layers(viewer, read_trace_table(str(path)))
    dock = shown(TracesDock(viewer))
    until(lambda: dock.inspection is not None)
    assert list(dock.inspection.fov_traces.channels) == [1, 2]
    dock.view.choices.channel.chosen.emit(2)
    np.testing.assert_allclose(dock.inspection.values, 2 * total)
    dock.select(1)
    dock.act("bad")
    dock.view.choices.channel.chosen.emit(1)
    assert dock.inspection.counts().rejected == 2


def test_a_table_of_the_whole_experiment_opens_its_results_folder(folder, tmp_path):
    index = read_results(folder)
    write_experiment_table(index, folder / "traces.csv")
    _, files, fov = open_traces(folder / "traces.csv")
    assert files(fov).traces_csv == index.fovs[fov].traces_csv
    write_experiment_table(index, tmp_path / "alone" / "traces.csv")
    with pytest.raises(InputError, match="drop the results folder"):
        open_traces(tmp_path / "alone" / "traces.csv")


def test_the_heading_says_where_traces_are_from(dock, opened):
    assert dock.view.heading.text() == "<b>results</b>"
    results = dock.link.results()
    tables = results.files(0).traces_csv
    assert describe_source(results, tables[0][1].parents[2]).endswith("run in this session")


def test_results_that_replace_others_bring_their_own_traces(dock, opened, tmp_path, until):
    other = read_results(results_folder(tmp_path / "other"))
    write_table(other.fovs[0].traces_csv[0][1], table(lives={9: (0, 6)}))
    source = origin_of(opened.layers["cells"]).source
    show_layers(opened, layers_of_results(source, other.fovs.__getitem__, 0))
    dock.follow()
    until(lambda: dock.inspection.traces.cells.tolist() == [9])
