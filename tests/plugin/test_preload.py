"""What docks need is imported in a thread, while the user looks at what was opened."""

import subprocess
import sys

CLICK = """
import sys, threading, time
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

import napari
app = QApplication([])
threads = {}
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("napari_pyama.docks.steps", "napari_pyama.traces.plot", "pyqtgraph")):
            threads[name] = threading.current_thread().name
sys.meta_path.insert(0, Watch())

from napari_pyama.docks.lazy_docks import preload_soon
assert not threads
preload_soon()
preload_soon()
started = time.monotonic()
poll = QTimer()
poll.timeout.connect(lambda: done() and app.quit())
def done():
    names = [thread.name for thread in threading.enumerate()]
    ended = "napari_pyama.traces.plot" in threads and "pyama-preload" not in names
    return ended or time.monotonic() - started > 60
poll.start(20)
app.exec()
assert set(threads.values()) == {"pyama-preload"}, threads
assert "napari_pyama.docks.steps" in sys.modules
"""


def test_rooms_are_imported_once_and_off_the_gui_thread():
    subprocess.run([sys.executable, "-c", CLICK], check=True, timeout=100)
