"""What the very first use of the plugin costs the GUI thread: nothing is imported before it."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.plugin.stopwatch import LIMIT_MS, timed

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux")
    and (not os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM") == "offscreen"),
    reason="a viewer needs a display: run the tests under xvfb-run",
)

CONTACT = """
    import importlib, sys

    import napari
    from npe2 import PluginManager
    from qtpy.QtCore import QTimer

    from tests.plugin.moment import Moment

    kind, name, path = sys.argv[1:]
    viewer = napari.Viewer()
    held = []

    def command_of(name):
        commands = PluginManager.instance().get_manifest("napari-pyama").contributions.commands
        module, function = next(c.python_name for c in commands if c.title == name).split(":")
        return getattr(importlib.import_module(module), function)

    def timed(function, *arguments):
        began = Moment.now()
        try:
            return function(*arguments)
        finally:
            held.append(1000 * began.held())

    def make_contact():
        assert not any(name.startswith("napari_pyama") for name in sys.modules)
        command = timed(command_of, name)
        if kind == "dock":
            make, give_way = command._open, command._give_way
            command._open = lambda self: timed(make, self)
            command._give_way = lambda self: timed(give_way, self)
            viewer.window.add_plugin_dock_widget("napari-pyama", name)
        else:
            timed(timed(command, path), path)
        poll.start(20)

    def is_there():
        if kind == "dock":
            from napari_pyama.docks.dock import Dock
            return bool(viewer.window._qt_window.findChildren(Dock))
        return len(viewer.layers) == 2

    def look():
        if is_there():
            poll.stop()
            print(*held)
            viewer.close()

    poll = QTimer()
    poll.timeout.connect(look)
    QTimer.singleShot(500, make_contact)
    napari.run()
    """


def run_well(script, *arguments):
    """Run a script that ends without an error, and give what it says."""
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
    return ended.stdout


@timed
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("reader", "Open a microscopy file"),
        ("dock", "Segment"),
        ("dock", "Traces"),
        ("dock", "Run complete workflow"),
    ],
)
def test_first_contact_does_not_hold_the_gui_thread(kind, name, small_nd2):
    said = run_well(CONTACT, kind, name, str(small_nd2))
    held = [float(ms) for ms in said.splitlines()[-1].split()]
    assert len(held) > 1
    assert max(held) < LIMIT_MS


def test_closing_the_window_while_a_file_opens_leaves_no_error(small_nd2):
    script = f"""
        import time
        import napari
        from qtpy.QtCore import QTimer
        from napari_pyama.session import opened

        viewer = napari.Viewer()
        open_images = opened.open_images

        def open_slowly(paths):
            time.sleep(1)
            return open_images(paths)

        def open_and_close():
            opened.open_images = open_slowly
            assert viewer.open({str(small_nd2)!r}, plugin="napari-pyama") == []
            QTimer.singleShot(200, viewer.window._qt_window.close)

        QTimer.singleShot(0, open_and_close)
        napari.run()
        """
    run_well(script)


def test_closing_the_window_before_the_thread_has_started_leaves_no_error():
    script = """
        import napari
        from qtpy.QtCore import QTimer
        from napari_pyama.background.task import Task

        viewer = napari.Viewer()
        task = Task()

        def start_and_close():
            task.start(lambda report, cancel: cancel.wait(0.2))
            viewer.close()

        QTimer.singleShot(0, start_and_close)
        napari.run()
        """
    run_well(script)


def test_closing_a_dock_before_it_is_there_leaves_no_error():
    script = """
        import napari
        from qtpy.QtCore import QTimer

        viewer = napari.Viewer()

        def open_and_close():
            frame, _ = viewer.window.add_plugin_dock_widget("napari-pyama", "Segment")
            viewer.window.remove_dock_widget(frame)
            from napari_pyama.docks.lazy_docks import preloading
            preloading().finished.connect(lambda: QTimer.singleShot(100, viewer.close))

        QTimer.singleShot(0, open_and_close)
        napari.run()
        """
    run_well(script)
