"""The dock of traces and the images select together: clicks, keys, sliders."""

from types import SimpleNamespace

import numpy as np
from qtpy.QtCore import Qt

from napari_pyama.layers.raw import cell_colors
from napari_pyama.traces.viewer_link import RING
from tests.plugin.trace_tables import (
    INTERVAL,
    center,
)


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
