"""The dock of traces on a viewer without a window: what it offers, marks, filters, exports."""

import numpy as np
from napari.components import ViewerModel

from napari_pyama.layers.raw import FILES, raw_layers
from napari_pyama.traces.dock import TracesDock
from napari_pyama.traces.marks import wait_for_saves
from napari_pyama.traces.view import NOTHING_TRACED
from pyama_core.columns import CELL, INTENSITY_TOTAL
from pyama_core.io import ArraySource
from pyama_core.io.inspection import load_marks
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.tables import read_table
from tests.plugin.sources import open_layers
from tests.plugin.stopwatch import Stopwatch, timed
from tests.plugin.trace_tables import (
    intensity,
    many_traces,
)


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
    assert dock.view.filters.mean.text() == "Mean value (counts)"
    assert dock.view.counts.text() == "4 traces: 3 good, 1 not good, 0 hidden"
    choices.channel.chosen.emit(2)
    choices.feature.chosen.emit("area")
    assert (dock.inspection.channel, dock.inspection.feature) == (2, "area")
    assert dock.view.plot.getAxis("left").labelText == "Area (px)"
    assert dock.view.filters.mean.text() == "Mean value (px)"


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


def test_exports_ask_for_a_file_and_write_it(dock, tmp_path, monkeypatch, qtbot):
    def ask(parent, title, name, kinds):
        assert name.startswith("movie_fov_000_traces_ch_1_intensity_total.")
        return str(tmp_path / f"mine{'.svg' if 'svg' in kinds else ''}"), kinds.split(";;")[-1]

    monkeypatch.setattr("napari_pyama.traces.export.QFileDialog.getSaveFileName", ask)
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


@timed
def test_no_callback_holds_the_gui_thread(tmp_path, shown, until, monkeypatch, qtbot):
    shown(TracesDock(ViewerModel()))  # Qt and pyqtgraph are slower the first time
    stopwatch = Stopwatch(monkeypatch)
    paths = ResultsPathsPerFOV(traces_csv=[(0, many_traces(tmp_path / "many_traces.csv"))])
    source = ArraySource(np.zeros((1, 200, 500, 500), np.uint8), "PTYX", name="many")
    (data, arguments, kind), *_ = raw_layers(source)
    arguments["metadata"][FILES] = lambda fov: paths
    viewer = ViewerModel()
    open_layers(viewer, [(data, arguments, kind)])
    dock = shown(TracesDock(viewer))
    until(lambda: dock.inspection is not None)
    qtbot.wait(50)
    use_everything(dock, viewer)
    wait_for_saves()
    longest = stopwatch.longest
    assert {"TracesDock._on_filter", "TracesDock.act", "TracesDock._on_read"} <= {*longest}
    assert not stopwatch.slow


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
