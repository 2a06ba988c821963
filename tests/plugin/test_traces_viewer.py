"""The dock of traces in a real viewer; needs a display with OpenGL."""

import gc
import os
import sys

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QApplication

from napari_pyama.traces.plot import TracePlot
from napari_pyama.traces.view import LOW, TALL
from tests.plugin.trace_tables import INTERVAL, center, intensity, results_folder, table

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux")
    and (not os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM") == "offscreen"),
    reason="a viewer needs a display: run the tests under xvfb-run",
)


@pytest.fixture
def viewer(make_napari_viewer_proxy, tmp_path):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1280, 800)
    viewer.open(str(results_folder(tmp_path / "results")), plugin="napari-pyama")
    return viewer


@pytest.fixture
def dock(viewer, qtbot):
    _, dock = viewer.window.add_plugin_dock_widget("napari-pyama", "Traces")
    qtbot.waitUntil(lambda: dock.inspection is not None, timeout=20_000)
    qtbot.wait(100)
    return dock


def place_of(plot, minutes, value):
    """Where a point of the plot is on the screen."""
    box = plot.getPlotItem().getViewBox()
    return plot.mapFromScene(box.mapViewToScene(QPointF(minutes, value)))


def test_a_click_on_a_trace_goes_to_its_cell(dock, viewer, qtbot):
    place = place_of(dock.view.plot, INTERVAL * 2, intensity(2, 2))
    qtbot.mouseClick(dock.view.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: dock.inspection.selected == 2)
    assert viewer.layers["cells"].selected_label == 2
    assert viewer.dims.current_step[:2] == (0, 2)


def test_a_cell_out_of_view_is_brought_into_view(dock, viewer, qtbot):
    viewer.scene.camera.zoom *= 20
    viewer.scene.camera.center = (0, 0)
    qtbot.wait(100)
    dock.act("next")
    camera, size = viewer.scene.camera, np.array(viewer.canvas.size)
    away = np.abs(np.array(camera.center[-2:]) - center(1, 0)) * camera.zoom
    assert (away < size / 2).all()
    before = camera.center
    dock.select(None)
    dock.act("next")
    assert camera.center == before


def test_the_plot_follows_the_theme(dock, viewer):
    seen = {}
    for theme in ("dark", "light"):
        viewer.theme = theme
        background = dock.view.plot.backgroundBrush().color()
        text = dock.view.plot.getAxis("left").textPen().color()
        seen[theme] = (background.lightness(), text.lightness())
    assert seen["dark"][0] < 100 < seen["dark"][1]
    assert seen["light"][0] > 100 > seen["light"][1]


def test_a_dropped_table_opens_the_dock(make_napari_viewer_proxy, tmp_path, qtbot):
    from pyama_core.io.tables import write_table

    path = tmp_path / "some_traces.csv"
    write_table(path, table())
    viewer = make_napari_viewer_proxy(show=True)
    viewer.open(str(path), plugin="napari-pyama")
    (dock,) = viewer.window.dock_widgets.values()
    qtbot.waitUntil(lambda: dock.inspection is not None, timeout=20_000)


def test_nothing_is_left_of_a_dock_that_was_closed(viewer, dock, qtbot):
    dock.select(1)
    viewer.window.remove_dock_widget(dock)
    assert dock._closed
    del dock
    qtbot.wait(100)
    gc.collect()
    assert not [w for w in QApplication.allWidgets() if isinstance(w, TracePlot) and w.isVisible()]
    viewer.dims.set_current_step(1, 1)
    assert [layer.name for layer in viewer.layers] == ["cells", "tracks"]


def test_the_viewer_may_be_closed_with_the_dock_open(viewer, dock):
    dock.select(1)
    viewer.close()
    assert dock._closed


def test_a_dock_does_not_grow_because_its_place_is_low_at_first(dock, qtbot):
    frame, width = dock.parent(), dock.width()
    for height in (245, 700):
        frame.setFloating(True)
        frame.resize(width, height)
        qtbot.wait(100)
        assert dock.view.arrangement.columns == TALL
        assert frame.minimumWidth() < 500


def test_everything_is_in_view_at_the_bottom_of_a_small_window(dock, viewer, qtbot):
    window, area = dock.window(), Qt.DockWidgetArea
    window.addDockWidget(area.BottomDockWidgetArea, dock.parent())
    dock.parent().show()
    qtbot.waitUntil(lambda: dock.view.arrangement.columns == LOW)
    qtbot.wait(100)
    assert not dock._scroll.verticalScrollBar().isVisible()
    for part in (dock.view.plot, dock.view.filters, dock.export):
        assert part.visibleRegion().boundingRect() == part.rect()
    assert dock.view.plot.width() > 350
    window.addDockWidget(area.RightDockWidgetArea, dock.parent())
    dock.parent().show()
    qtbot.waitUntil(lambda: dock.view.arrangement.columns == TALL)
    qtbot.waitUntil(lambda: dock.minimumWidth() < 500)
