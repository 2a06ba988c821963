"""The plugin in a real viewer: menus, samples, docks, closing; needs a display with OpenGL."""

import gc
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from napari_pyama.background import viewer_run
from napari_pyama.background.viewer_run import run_of
from napari_pyama.docks.dock import Dock
from napari_pyama.sample_data import SampleFile
from napari_pyama.session.session import session_of
from pyama_core.processing.segmentation import SegmentationParams
from tests.plugin.sources import experiment, open_in
from tests.scenes import write_scene

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux")
    and (not os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM") == "offscreen"),
    reason="a viewer needs a display: run the tests under xvfb-run",
)

DOCKS = (
    "Copy",
    "Segment",
    "Correct background",
    "Track",
    "Extract traces",
    "Traces",
    "Run complete workflow",
)


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def small_sample(small_nd2, monkeypatch):
    """Keep the tests from making the full sample."""
    monkeypatch.setattr(SampleFile, "path", small_nd2)


def open_dock(viewer, name):
    return viewer.window.add_plugin_dock_widget("napari-pyama", name)


def test_the_sample_opens_at_the_first_step(viewer, small_sample):
    viewer.open_sample("napari-pyama", "pyama")
    assert len(viewer.layers) == 2
    assert viewer.dims.current_step[:2] == (0, 0)


def test_a_dropped_file_opens(viewer, small_nd2):
    viewer.open(str(small_nd2), plugin="napari-pyama")
    assert viewer.layers[0].data.ndim == 4


@pytest.mark.parametrize("name", DOCKS)
def test_every_dock_opens_and_closes_at_every_stage(name, viewer, qtbot):
    _, dock = open_dock(viewer, name)
    qtbot.wait(50)
    open_in(viewer, experiment())
    qtbot.wait(50)
    viewer.window.remove_dock_widget(dock)
    assert dock._closed
    assert not any(layer.name.startswith("preview") for layer in viewer.layers)


def test_closed_docks_leave_no_widgets_behind(viewer, qtbot):
    open_in(viewer, experiment())
    for name in DOCKS:
        _, dock = open_dock(viewer, name)
        qtbot.wait(50)
        viewer.window.remove_dock_widget(dock)
    del dock
    gc.collect()
    qtbot.waitUntil(
        lambda: not any(isinstance(widget, Dock) for widget in QApplication.allWidgets())
    )


def test_docks_become_tabs_and_only_the_one_in_front_shows_a_preview(viewer, qtbot):
    open_in(viewer, experiment())
    _, segment = open_dock(viewer, "Segment")
    qtbot.waitUntil(lambda: "preview: segmentation" in viewer.layers, timeout=60_000)
    _frame, _track = open_dock(viewer, "Track")
    qtbot.waitUntil(lambda: "preview: tracking" in viewer.layers, timeout=60_000)
    assert "preview: segmentation" not in viewer.layers
    assert not segment.in_view
    segment.parent().raise_()
    qtbot.waitUntil(lambda: "preview: segmentation" in viewer.layers, timeout=60_000)
    assert "preview: tracking" not in viewer.layers


def test_a_dock_works_on_when_it_floats_or_was_hidden(viewer, qtbot):
    open_in(viewer, experiment())
    frame, dock = open_dock(viewer, "Segment")
    frame.setFloating(True)
    qtbot.waitUntil(lambda: "preview: segmentation" in viewer.layers, timeout=60_000)
    frame.hide()
    qtbot.waitUntil(lambda: "preview: segmentation" not in viewer.layers)
    frame.show()
    qtbot.waitUntil(lambda: "preview: segmentation" in viewer.layers, timeout=60_000)
    frame.setFloating(False)
    assert not dock._closed


def test_docks_show_previews_of_the_frame_in_view(viewer, qtbot):
    open_in(viewer, experiment())
    open_dock(viewer, "Segment")
    qtbot.waitUntil(lambda: "preview: segmentation" in viewer.layers, timeout=60_000)
    before = np.asarray(viewer.layers["preview: segmentation"].data)
    session_of(viewer).set_section("segmentation", SegmentationParams(opening_iterations=0))
    qtbot.waitUntil(
        lambda: not np.array_equal(viewer.layers["preview: segmentation"].data, before),
        timeout=60_000,
    )


def test_docks_share_one_session_whatever_proxy_they_were_given(viewer):
    docks = [open_dock(viewer, name)[1] for name in DOCKS]
    assert len({id(dock.session) for dock in docks}) == 1


def test_docks_are_usable_at_1280_by_800(viewer, qtbot):
    viewer.window.resize(1280, 800)
    open_in(viewer, experiment())
    for name in DOCKS:
        frame, dock = open_dock(viewer, name)
        frame.show()
        qtbot.wait(20)
        assert dock.width() < 450
        content = dock._scroll.widget()
        assert content.width() <= dock.width()
        assert not dock._scroll.horizontalScrollBar().isVisible()
        viewer.window.remove_dock_widget(dock)


def test_closing_the_viewer_during_preview_and_run_ends_both(
    make_napari_viewer, small_nd2, tmp_path, qtbot
):
    viewer = make_napari_viewer(show=True)
    viewer.open(str(small_nd2), plugin="napari-pyama")
    open_dock(viewer, "Segment")
    _, dock = open_dock(viewer, "Run complete workflow")
    dock.form.folder.path = tmp_path / "out"
    dock.start()
    qtbot.waitUntil(lambda: dock.progress.share > 0, timeout=60_000)
    viewer.close()
    assert dock._closed
    QApplication.processEvents()


@pytest.mark.parametrize("n_fovs", [30, 300])
def test_a_run_of_many_fovs_is_seen_to_its_end_while_napari_is_busy(
    n_fovs, make_napari_viewer, tmp_path, qtbot, monkeypatch
):
    """Napari's own bar processes events; the GUI thread is held up for a second at a time."""

    def execute(request, report, cancel):
        for fov in range(n_fovs):
            for step in ("copy", "segmentation", "correction", "tracking", "extraction"):
                for t in range(4):
                    if cancel.is_set():
                        raise InterruptedError
                    report({"step": step, "fov": fov, "t": t, "T": 4, "message": "working"})
            report({"step": "workflow", "fov": fov, "t": fov, "T": n_fovs, "message": "done"})
            time.sleep(1 / n_fovs)
        return True

    errors = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: errors.append(error))
    monkeypatch.setattr(viewer_run, "execute", execute)
    write_scene(tmp_path / "many.nd2", n_fovs=n_fovs, n_frames=2, size=32)
    viewer = make_napari_viewer(show=True)
    viewer.open(str(tmp_path / "many.nd2"), plugin="napari-pyama")
    _, dock = open_dock(viewer, "Run complete workflow")
    busy = QTimer()
    busy.timeout.connect(lambda: time.sleep(1))
    busy.start(200)
    dock.run.click()
    qtbot.waitUntil(lambda: not dock.task.running, timeout=30_000)
    busy.stop()
    assert not errors
    assert "All FOVs are done" in dock.message.text()
    assert dock.progress.share == 1 and dock.run.isEnabled()
    run_of(viewer).close()


def test_closing_the_window_while_a_sample_is_made_leaves_nothing(tmp_path):
    script = """
        import napari
        from qtpy.QtCore import QTimer

        viewer = napari.Viewer()
        def open_and_close():
            viewer.open_sample("napari-pyama", "pyama")
            assert [layer.name for layer in viewer.layers] == ["Opening the sample experiment…"]
            QTimer.singleShot(200, viewer.window._qt_window.close)
        QTimer.singleShot(0, open_and_close)
        napari.run()
        """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "TMPDIR": str(tmp_path), "TEMP": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
    assert not list(tmp_path.rglob("*.nd2")) + list(tmp_path.rglob("*.npz"))


def test_workers_of_a_script_with_napari_import_neither_napari_nor_qt(small_nd2, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys
            import napari
            from napari_pyama import run_complete_workflow
            from pyama_core import functions
            from pyama_core.processing.workflow.services.base import BaseProcessingService

            class Spy(BaseProcessingService):
                name = "spy"
                def process_fov(self, metadata, context, output_dir, fov):
                    heavy = {{"napari", "qtpy", "vispy", "matplotlib"}} & set(sys.modules)
                    (output_dir / f"spy_{{fov}}.txt").write_text(repr(heavy))

            from pyama_core.io import open_microscopy
            from pyama_core.processing.workflow.pipeline import run_complete_workflow as run
            from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
            from pathlib import Path
            source = open_microscopy({str(small_nd2)!r})
            context = ProcessingContext(Path({str(tmp_path / "out")!r}), Channels(0, [1]))
            assert run(source.metadata, context, fovs=[0], services=[Spy()])
            """
        )
    )
    subprocess.run([sys.executable, str(script)], check=True, timeout=120)
    assert (tmp_path / "out" / "spy_0.txt").read_text() == "set()"
