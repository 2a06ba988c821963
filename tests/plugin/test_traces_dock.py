"""The dock of traces on a viewer without a window: plot and images stay together."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtCore import Qt

from napari_pyama.colors import cell_colors
from napari_pyama.layers import FILES, origin_of, raw_layers
from napari_pyama.reader import read_results_folder, read_trace_table
from napari_pyama.result_layers import layers_of_results
from napari_pyama.result_source import open_traces
from napari_pyama.session import session_of
from napari_pyama.shown import show_layers
from napari_pyama.start import start_at_first_step
from napari_pyama.traces.dock import TracesDock
from napari_pyama.traces.ring import RING
from napari_pyama.traces.saving import wait_for_saves
from napari_pyama.traces.view import NOTHING_TRACED
from napari_pyama.traces.wording import describe_source
from pyama_core.columns import CELL, INTENSITY_TOTAL
from pyama_core.errors import InputError
from pyama_core.io import ArraySource
from pyama_core.io.experiment import write_experiment_table
from pyama_core.io.inspection import inspected_path, load_marks
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.results import read_results
from pyama_core.io.tables import read_table, write_table
from tests.plugin.stopwatch import Stopwatch
from tests.plugin.trace_tables import (
    INTERVAL,
    N_FRAMES,
    center,
    intensity,
    many_traces,
    results_folder,
    table,
)


def open_layers(viewer, layers):
    for layer in start_at_first_step(viewer, layers):
        viewer.add_layer(Layer.create(*layer))


@pytest.fixture
def folder(tmp_path):
    return results_folder(tmp_path / "results")


@pytest.fixture
def opened(folder):
    viewer = ViewerModel()
    open_layers(viewer, read_results_folder(str(folder)))
    return viewer


@pytest.fixture
def dock(opened, shown, until):
    dock = shown(TracesDock(opened))
    until(lambda: dock.inspection is not None)
    return dock


def step_of(viewer):
    return tuple(viewer.dims.current_step[:2])


def press(qtbot, dock, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(dock.view.plot, key, modifier)


def click_in_image(viewer, y, x, moved=0.0):
    """Press and release the mouse over a pixel, as napari's canvas tells its callbacks."""
    position = (*viewer.dims.point[:-2], y, x)
    event = SimpleNamespace(
        button=1,
        type="mouse_press",
        pos=np.array([x, y]),
        position=position,
        view_direction=None,
        modifiers=(),
        dims_displayed=[2, 3],
    )
    steps = [callback(viewer, event) for callback in viewer.mouse_drag_callbacks]
    for kind, shift in (("mouse_press", 0.0), ("mouse_move", moved), ("mouse_release", 0.0)):
        event.type, event.pos = kind, event.pos + shift
        for step in steps:
            next(step, None)


def test_an_empty_viewer_says_what_to_do(shown):
    dock = shown(TracesDock(ViewerModel()))
    assert dock.view.heading.text() == NOTHING_TRACED
    assert not dock.export.isEnabled()
    for action in ("next", "good", "undo", "later", "deselect"):
        dock.act(action)


def test_fov_channel_and_feature_are_offered_with_names_and_units(dock):
    choices = dock.view.choices
    assert [choices.fov.itemText(i) for i in range(2)] == ["0 (fov_000)", "1 (fov_001)"]
    assert [choices.channel.itemText(i) for i in range(2)] == ["channel 1", "channel 2"]
    assert choices.feature.itemText(0) == "Intensity total (counts)"
    assert dock.view.plot.getAxis("left").labelText == "Intensity total (counts)"
    assert dock.view.plot.getAxis("bottom").labelText == "Time (min)"
    assert dock.view.counts.text() == "4 traces: 3 good, 1 not good, 0 hidden"
    choices.channel.chosen.emit(2)
    choices.feature.chosen.emit("area")
    assert (dock.inspection.channel, dock.inspection.feature) == (2, "area")
    assert dock.view.plot.getAxis("left").labelText == "Area (px)"


def test_the_plot_follows_the_position_slider_and_moves_it(dock, opened, until):
    dock.view.choices.channel.chosen.emit(2)
    opened.dims.set_current_step(0, 1)
    until(lambda: dock.inspection.fov_traces.fov == 1)
    assert dock.inspection.channel == 2
    assert dock.view.choices.fov.currentData() == 1
    dock.view.choices.fov.chosen.emit(0)
    assert step_of(opened) == (0, 0)
    until(lambda: dock.inspection.fov_traces.fov == 0)


def test_a_clicked_trace_selects_its_cell_and_goes_there(dock, opened):
    dock.view.plot.picked.emit(2, INTERVAL * 4.2)
    assert dock.inspection.selected == 3
    assert opened.layers["cells"].selected_label == 3
    assert step_of(opened) == (0, 4)
    ring = opened.layers[RING]
    y, x = center(3, 4)
    assert [0, 4, y, x] in ring.data.tolist()
    assert len(ring.data) == 3
    np.testing.assert_allclose(ring.border_color[0], cell_colors(3)[0], atol=0.01)
    assert "cell 3, daughter of 2" in dock.view.about.text()
    pen = dock.view.plot._selected.opts["pen"].color().getRgbF()
    np.testing.assert_allclose(pen, cell_colors(3)[0], atol=0.01)


def test_a_clicked_cell_highlights_its_trace_but_a_drag_does_not(dock, opened):
    y, x = center(1, 0)
    click_in_image(opened, y, x, moved=30.0)
    assert dock.inspection.selected is None
    click_in_image(opened, y, x)
    assert dock.inspection.selected == 1
    click_in_image(opened, 63, 63)
    assert dock.inspection.selected == 1


def test_a_label_that_is_picked_highlights_its_trace(dock, opened):
    opened.layers["cells"].selected_label = 2
    assert dock.inspection.selected == 2


def test_a_click_while_something_is_drawn_selects_nothing(dock, opened):
    points = opened.add_points(np.zeros((1, 4)))
    points.mode = "add"
    opened.layers.selection.active = points
    click_in_image(opened, *center(1, 0))
    assert dock.inspection.selected is None


def test_the_cursor_follows_the_time_slider_and_moves_it(dock, opened):
    opened.dims.set_current_step(1, 3)
    assert dock.view.plot._cursor.value() == INTERVAL * 3
    dock.view.plot.cursor_dragged.emit(INTERVAL * 4.6)
    assert step_of(opened) == (0, 5)


def test_keys_judge_step_and_undo(dock, opened, qtbot):
    press(qtbot, dock, Qt.Key.Key_N)
    press(qtbot, dock, Qt.Key.Key_Down)
    assert dock.inspection.selected == 2
    press(qtbot, dock, Qt.Key.Key_B)
    assert dock.view.counts.text().startswith("4 traces: 2 good, 2 not good")
    press(qtbot, dock, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert dock.view.counts.text().startswith("4 traces: 3 good")
    press(qtbot, dock, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert dock.view.counts.text().startswith("4 traces: 2 good")
    press(qtbot, dock, Qt.Key.Key_G)
    press(qtbot, dock, Qt.Key.Key_Right)
    assert step_of(opened) == (0, 1)
    press(qtbot, dock, Qt.Key.Key_Up)
    assert dock.inspection.selected == 1
    press(qtbot, dock, Qt.Key.Key_Escape)
    assert dock.inspection.selected is None
    assert RING not in opened.layers


def test_space_and_other_keys_are_left_to_napari(dock, qtbot):
    asked = []
    dock.view.plot.asked.connect(asked.append)
    press(qtbot, dock, Qt.Key.Key_Space)
    press(qtbot, dock, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert asked == []


def test_marks_are_saved_at_once_and_back_after_a_restart(dock, opened, shown, until):
    dock.select(1)
    dock.view.marks.buttons["bad"].click()
    path = dock.inspection.path
    wait_for_saves()
    assert load_marks(path) == {1: False}
    dock.shut_down()
    again = shown(TracesDock(opened))
    until(lambda: again.inspection is not None)
    assert again.inspection.good.tolist() == [False, True, True, False]


def test_buttons_offer_only_what_can_be_done(dock):
    buttons = dock.view.marks.buttons
    assert not buttons["good"].isEnabled()
    assert not buttons["undo"].isEnabled()
    buttons["next"].click()
    buttons["bad"].click()
    assert buttons["undo"].isEnabled()
    buttons["undo"].click()
    assert buttons["redo"].isEnabled()
    assert not buttons["undo"].isEnabled()


def test_filters_hide_and_show(dock):
    filters = dock.view.filters
    filters.length.setValue(4)
    assert dock.view.counts.text().endswith("3 hidden")
    filters.length.setValue(1)
    filters.low.setText(filters.locale().toString(intensity(2, 0)))
    assert dock.view.counts.text().endswith("1 hidden")
    filters.low.setText("")
    filters.rejected.setChecked(False)
    assert dock.view.counts.text().endswith("1 hidden")


def test_filters_stay_when_another_fov_is_shown(dock, opened, until):
    dock.view.filters.length.setValue(4)
    opened.dims.set_current_step(0, 1)
    until(lambda: dock.inspection.fov_traces.fov == 1)
    assert dock.view.counts.text().endswith("3 hidden")


def test_new_traces_of_a_run_are_shown_with_a_note(dock, opened, until):
    dock.select(1)
    dock.act("bad")
    wait_for_saves()
    old, rows = dock.inspection, table(lives={1: (0, 6), 5: (0, 2)})
    write_table(old.path, rows)
    session_of(opened).scratch_changed.emit(0)
    until(lambda: dock.inspection is not old)
    assert dock.inspection.traces.cells.tolist() == [1, 5]
    assert "has changed since it was inspected" in dock.view.notes.text()


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


def test_exports_ask_for_a_file_and_write_it(dock, tmp_path, monkeypatch, qtbot):
    def ask(parent, title, name, kinds):
        assert name.startswith("movie_fov_000_traces_ch_1_intensity_total.")
        return str(tmp_path / f"mine{'.svg' if 'svg' in kinds else ''}"), kinds.split(";;")[-1]

    monkeypatch.setattr("napari_pyama.traces.export_bar.QFileDialog.getSaveFileName", ask)
    dock.view.filters.rejected.setChecked(False)
    for button, name in ((dock.export.table, "mine.csv"), (dock.export.plot, "mine.svg")):
        with qtbot.waitSignal(dock.export.written, timeout=20_000) as written:
            button.click()
        assert written.args == [tmp_path / name]
    assert 4 not in read_table(tmp_path / "mine.csv")[CELL]
    assert "Intensity total" in (tmp_path / "mine.svg").read_text()


def test_a_dock_that_is_closed_leaves_nothing_behind(opened, shown, until):
    theme = len(opened.events.theme.callbacks)
    points = len(opened.dims.events.point.callbacks)
    labels = len(opened.layers["cells"].events.selected_label.callbacks)
    mouse, names = list(opened.mouse_drag_callbacks), [layer.name for layer in opened.layers]
    dock = shown(TracesDock(opened))
    until(lambda: dock.inspection is not None)
    dock.select(1)
    dock.shut_down()
    assert len(opened.events.theme.callbacks) == theme
    assert len(opened.dims.events.point.callbacks) == points
    assert len(opened.layers["cells"].events.selected_label.callbacks) == labels
    assert opened.mouse_drag_callbacks == mouse
    assert [layer.name for layer in opened.layers] == names
    opened.dims.set_current_step(1, 2)
    opened.layers.clear()


def test_layers_may_go_while_the_dock_is_open(dock, opened, until):
    dock.select(1)
    opened.layers.clear()
    assert dock.inspection is None
    assert dock.view.heading.text() == NOTHING_TRACED


def test_no_callback_holds_the_gui_thread(tmp_path, shown, until, monkeypatch):
    stopwatch = Stopwatch(monkeypatch)
    paths = ResultsPathsPerFOV(traces_csv=[(0, many_traces(tmp_path / "many_traces.csv"))])
    source = ArraySource(np.zeros((1, 200, 500, 500), np.uint8), "PTYX", name="many")
    (data, arguments, kind), *_ = raw_layers(source)
    arguments["metadata"][FILES] = lambda fov: paths
    viewer = ViewerModel()
    open_layers(viewer, [(data, arguments, kind)])
    dock = shown(TracesDock(viewer))
    until(lambda: dock.inspection is not None)
    use_everything(dock, viewer)
    wait_for_saves()
    longest = stopwatch.longest
    assert {"TracesDock._on_filter", "TracesDock.act", "TracesDock._on_read"} <= {*longest}
    assert not {name: ms for name, ms in longest.items() if ms >= 50}


def use_everything(dock, viewer):
    """Do once whatever a user does with many traces."""
    dock.view.spread.setCurrentIndex(2)
    dock.view.spread.chosen.emit("quartiles")
    for act in ("next", "bad", "next", "bad", "undo", "redo", "later", "earlier"):
        dock.act(act)
    dock.view.plot.picked.emit(500, 400.0)
    dock.view.plot.cursor_dragged.emit(123.0)
    dock.view.filters.border.setValue(5)
    dock.view.filters.low.setText("2000")
    dock.view.choices.feature.chosen.emit("area")
    dock.view.choices.feature.chosen.emit(INTENSITY_TOTAL)
    viewer.dims.set_current_step(1, 30)
    dock.act("deselect")
    for _ in range(2):
        dock.act("undo")
    dock.view.filters.border.setValue(0)
    dock.view.filters.low.setText("")
