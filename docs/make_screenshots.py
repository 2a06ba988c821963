"""Make the screenshots of the documentation from the real plugin on the sample experiment.

Run it with ``make screenshots``; it needs a display, for one under ``xvfb-run``.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import napari
import numpy as np
from PIL import Image
from qtpy.QtTest import QTest

IMAGES: Final = Path(__file__).parent / "images"
_SIZE: Final = (1280, 800)
_FRAME: Final = 25
_SECONDS: Final = 180


class Photographer:
    """Drives a viewer as a user would, and takes pictures of its window."""

    def __init__(self, folder: Path) -> None:
        self.viewer = napari.Viewer()
        self.viewer.theme = "dark"
        self.viewer.window.resize(*_SIZE)
        self._folder = folder
        self._dock: Any = None

    def open_dock(self, name: str) -> Any:
        """Open a dock of the plugin in place of the last one."""
        self.close_dock()
        self._dock = self.viewer.window.add_plugin_dock_widget("napari-pyama", name)[1]
        return self._dock

    def close_dock(self) -> None:
        """Close the dock that is open."""
        if self._dock is not None:
            self.viewer.window.remove_dock_widget(self._dock)
            self._dock = None

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Let napari work until a condition holds.

        Raises
        ------
        TimeoutError
            It does not hold within some minutes.
        """
        end = time.monotonic() + _SECONDS
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("The plugin did not get there in time.")
            QTest.qWait(50)

    def take(self, name: str, settle_ms: int = 1000) -> None:
        """Save a picture of the window."""
        QTest.qWait(settle_ms)
        shot = self.viewer.screenshot(canvas_only=False, flash=False)
        image = Image.fromarray(shot).convert("RGB").quantize(256)
        image.save(self._folder / f"{name}.png", optimize=True)


def main(folder: Path = IMAGES) -> None:
    """Take all screenshots."""
    folder.mkdir(exist_ok=True)
    photographer = Photographer(folder)
    open_sample(photographer)
    tune_steps(photographer)
    with tempfile.TemporaryDirectory() as results:
        run_everything(photographer, Path(results))
        look_at_traces(photographer)
        photographer.close_dock()
        photographer.viewer.close()


def open_sample(photographer: Photographer) -> None:
    """Open the sample experiment and go to a frame with signal."""
    viewer = photographer.viewer
    viewer.open_sample("napari-pyama", "pyama")
    viewer.dims.set_current_step((0, 1), (0, _FRAME))
    viewer.layers["GFP"].visible = viewer.layers["RFP"].visible = True
    photographer.take("napari-open")


def tune_steps(photographer: Photographer) -> None:
    """Show the live preview of the segmentation and the trial of a background correction."""
    segment = photographer.open_dock("Segment")
    segment.form.rows["split"].edited.emit("split", "distance")
    photographer.wait_until(lambda: not segment.preview.busy and "cell" in segment.status.text())
    photographer.take("napari-segment")
    correct = photographer.open_dock("Correct background")
    correct.trial.start()
    photographer.wait_until(lambda: not correct.trial.task.running)
    photographer.take("napari-correct")
    for name in ("GFP corrected", "RFP corrected"):
        photographer.viewer.layers[name].visible = False


def run_everything(photographer: Photographer, results: Path) -> None:
    """Run the complete workflow and show its results."""
    run = photographer.open_dock("Run complete workflow")
    run.form.folder.path = results / "sample_pyama"
    run.start()
    photographer.wait_until(lambda: run.progress.share > 0.2)
    photographer.take("napari-running", settle_ms=20)
    photographer.wait_until(lambda: not run.task.running and not run.loading.busy)
    run.form.folder.path = Path("sample_pyama")
    photographer.take("napari-run")


def look_at_traces(photographer: Photographer) -> None:
    """Plot the traces."""
    traces = photographer.open_dock("Traces")
    QTest.qWait(2000)
    cells = photographer.viewer.layers["tracks"].data[:, 0].astype(int)
    traces.select(int(np.bincount(cells).argmax()))
    photographer.take("napari-traces")


if __name__ == "__main__":
    main()
