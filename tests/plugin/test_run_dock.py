"""The dock of the complete workflow: plan, run, results that fill in, cancel, resume, failures."""

import sys
import threading
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_pyama.background import task as task_module
from napari_pyama.background import viewer_run
from napari_pyama.background.run import RunPlan
from napari_pyama.background.viewer_run import run_of
from napari_pyama.docks import run_dock as run_module
from napari_pyama.docks.run_dock import RunDock
from napari_pyama.docks.step_dock import NOTHING_OPEN
from napari_pyama.session.session import session_of
from pyama_core.errors import InputError
from pyama_core.io import open_microscopy
from pyama_core.processing.segmentation import SegmentationParams
from tests.plugin.sources import open_in
from tests.plugin.stopwatch import timed


@pytest.fixture
def dock(small_nd2, tmp_path, shown, until):
    viewer = ViewerModel()
    open_in(viewer, open_microscopy(small_nd2))
    made = shown(RunDock(viewer))
    made.form.folder.path = tmp_path / "out"
    made.form.n_workers.setValue(1)
    made.refresh()
    until(lambda: "needed" in made.disk.text())
    yield made
    run_of(viewer).close()


def names(dock):
    return [layer.name for layer in dock.viewer.layers]


def run(dock, until):
    dock.start()
    until(lambda: not dock.task.running and not dock.loading.busy and not dock.planning.busy)


def without_workers(monkeypatch, execute):
    """Replace the workflow by a function."""
    monkeypatch.setattr(viewer_run, "execute", execute)


def event(step, fov, t=0, T=4, message="working"):
    return {"step": step, "fov": fov, "t": t, "T": T, "message": message}


def test_an_empty_viewer_says_what_to_do(shown, monkeypatch):
    told = []
    monkeypatch.setattr(run_module, "show_warning", told.append)
    dock = shown(RunDock(ViewerModel()))
    assert dock.heading.text() == NOTHING_OPEN
    dock.start()
    assert "nothing to run on" in told[0]


def test_it_tells_what_is_open_and_what_a_run_needs(dock):
    assert "3 FOVs, 4 frames, 96 x 96 px" in dock.heading.text()
    assert "MB needed" in dock.disk.text() or "kB needed" in dock.disk.text()
    assert "GB free" in dock.disk.text() or "TB free" in dock.disk.text()
    assert "defaults" in dock.recipe.text()


def test_the_recipe_is_told_in_short(dock, until):
    session_of(dock.viewer).set_section("segmentation", SegmentationParams(min_size=9))
    until(lambda: "segmentation.min_size = 9" in dock.recipe.text())


@pytest.mark.parametrize(
    ("text", "fovs"), [("all", (0, 1, 2)), ("this one", (1,)), ("0, 2", (0, 2))]
)
def test_fovs_are_chosen_in_words_or_numbers(dock, text, fovs):
    dock.viewer.dims.set_current_step(0, 1)
    dock.form.fovs.setCurrentText(text)
    assert dock.request().fovs == fovs


def test_a_number_that_is_typed_and_not_confirmed_counts_for_the_run(dock):
    dock.form.n_workers.lineEdit().setText("3")
    dock.form.take_typed()
    assert dock.request().n_workers == 3


def test_fovs_that_are_not_there_are_refused_before_any_work(dock, until):
    dock.form.fovs.setCurrentText("0-9")
    until(lambda: "Cannot run: FOV 9" in dock.disk.text())


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(dock, until, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(viewer_run, "notify_error", lambda error: told.append(str(error)))
    (tmp_path / "file").write_text("")
    dock.form.folder.path = tmp_path / "file" / "out"
    run(dock, until)
    assert len(told) == 1
    assert "cannot be written" in told[0]


def test_a_run_shows_its_results_and_knows_that_it_is_done(dock, until):
    dock.form.fovs.setCurrentText("0-1")
    run(dock, until)
    assert "All FOVs are done" in dock.message.text()
    assert {"segmentation", "cells", "tracks"} <= set(names(dock))
    cells = dock.viewer.layers["cells"]
    assert np.asarray(cells.data[0]).any()
    assert np.asarray(cells.data[1]).any()
    assert not np.asarray(cells.data[2]).any()
    assert cells.data.shape == dock.viewer.layers[0].data.shape
    until(lambda: "Everything is done already." in dock.disk.text())
    dock.form.fovs.setCurrentText("all")
    until(lambda: dock.run.text() == "Resume (1 FOV left)")
    run(dock, until)
    assert np.asarray(dock.viewer.layers["cells"].data[2]).any()


def test_what_the_steps_noted_stands_in_the_line_of_their_fov(dock, until):
    session_of(dock.viewer).set_section("segmentation", SegmentationParams(min_size=9000))
    dock.form.fovs.setCurrentText("1")
    run(dock, until)
    model = dock.fovs.fovs
    assert model.data(model.index(0, 2)).startswith("done. No cell is found in any frame")
    tooltip = model.data(model.index(0, 2), Qt.ItemDataRole.ToolTipRole)
    assert tooltip.startswith("done\nWarning: No cell is found in any frame")
    assert not model.data(model.index(0, 2), Qt.ItemDataRole.DecorationRole).isNull()
    assert model.data(model.index(0, 0), Qt.ItemDataRole.ForegroundRole).isValid()
    assert dock.message.text().endswith("There are warnings for 1 FOV: see the table.")


def test_cancel_leaves_no_process_and_nothing_half_written(dock, until):
    dock.start()
    until(lambda: dock.progress.share > 0)
    began = time.monotonic()
    dock.cancel.click()
    until(lambda: not dock.task.running)
    assert time.monotonic() - began < 10
    assert "Cancelled" in dock.message.text()
    until(lambda: not _workers())
    assert not list(dock.form.folder.path.rglob("*.partial*"))


def test_a_run_continues_without_its_dock_and_is_shown_by_the_next(dock, shown, until, tmp_path):
    dock.form.fovs.setCurrentText("0-1")
    dock.start()
    until(lambda: dock.progress.share > 0)
    dock.close()
    again = shown(RunDock(dock.viewer))
    assert again.task.running and again.cancel.isVisible() and not again.run.isEnabled()
    assert again.form.folder.path == tmp_path / "out"
    assert again.form.fovs.currentText() == "0-1"
    assert again.form.n_workers.value() == 1
    assert again.fovs.fovs.rowCount() == 2
    until(lambda: not again.task.running and not again.loading.busy)
    assert "All FOVs are done" in again.message.text()
    assert np.asarray(dock.viewer.layers["cells"].data[1]).any()
    until(lambda: again.disk.text() == "Everything is done already.")


def test_the_next_dock_cancels_and_resumes_a_run(dock, shown, until):
    dock.start()
    until(lambda: dock.progress.share > 0)
    dock.close()
    again = shown(RunDock(dock.viewer))
    again.cancel.click()
    assert again.message.text() == "Cancelling…"
    until(lambda: not again.task.running)
    until(lambda: not _workers())
    until(lambda: not again.planning.busy)
    again.run.click()
    until(lambda: not again.task.running)
    assert "All FOVs are done" in again.message.text()


def test_closing_the_viewer_ends_the_run(dock, until):
    dock.start()
    until(lambda: dock.progress.share > 0)
    run_of(dock.viewer).close()
    until(lambda: not _workers())


def test_failures_are_listed_with_their_reason(dock, until, monkeypatch):
    def execute(request, report, cancel):
        report(event("copy", 1))
        report(event("workflow", 1, message="failed in copy: the file is damaged"))
        return False

    without_workers(monkeypatch, execute)
    run(dock, until)
    assert "FOV 1 failed in copy: the file is damaged" in dock.message.text()


def test_a_run_that_ends_while_napari_draws_leaves_no_activity(dock, until, monkeypatch):
    bars = []

    class Bar:
        def __init__(self, **_):
            bars.append(self)
            until(lambda: not dock.task.running)

        def close(self):
            if self in bars:
                bars.remove(self)

    def execute(request, report, cancel):
        raise InputError("The folder cannot be written to.")

    without_workers(monkeypatch, execute)
    monkeypatch.setattr(task_module, "cancelable_progress", Bar)
    run(dock, until)
    assert "cannot be written" in dock.message.text()
    assert not bars


class BusyBar:
    """Stands for napari's bar: it processes events when it is moved; here it takes long, too."""

    nested = deepest = 0

    def __init__(self, **_):
        self.n = 0

    def update(self, n):
        self.n += n
        BusyBar.nested += 1
        BusyBar.deepest = max(BusyBar.deepest, BusyBar.nested)
        time.sleep(0.2)
        QApplication.processEvents()
        BusyBar.nested -= 1

    def close(self):
        pass


def plan_of(n_fovs):
    """Stands for the plan of a run of many FOVs."""
    steps = ("copy", "segmentation", "correction", "tracking", "extraction")
    return RunPlan(dict.fromkeys(range(n_fovs), steps), 1, 2, ())


def many_events(n_fovs, report, cancel, n_frames=10):
    """Report as a run of many FOVs of small frames does."""
    for fov in range(n_fovs):
        for step in ("copy", "segmentation", "correction", "tracking", "extraction"):
            if cancel.is_set():
                raise InterruptedError
            for t in range(n_frames):
                report(event(step, fov, t, n_frames))
        report(event("workflow", fov, message="done"))
        time.sleep(0.002)


@pytest.mark.parametrize("n_fovs", [30, 300])
def test_a_gui_that_is_busy_for_seconds_misses_no_end(n_fovs, dock, until, monkeypatch):
    recursions = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: recursions.append(error))
    monkeypatch.setattr(task_module, "cancelable_progress", BusyBar)
    monkeypatch.setattr(viewer_run, "plan_run", lambda request: plan_of(n_fovs))
    monkeypatch.setattr(viewer_run, "layers_of_results", lambda *_: [])
    BusyBar.nested = BusyBar.deepest = 0

    def execute(request, report, cancel):
        many_events(n_fovs, report, cancel)
        return True

    without_workers(monkeypatch, execute)
    dock.start()
    for _ in range(2):
        time.sleep(1.5)
        QApplication.processEvents()
    until(lambda: not dock.task.running, seconds=20)
    assert not recursions
    assert BusyBar.deepest == 1
    assert "All FOVs are done" in dock.message.text()
    assert dock.run.isEnabled() and not dock.cancel.isVisible()
    assert dock.progress.share == 1
    model = dock.fovs.fovs
    assert {model.data(model.index(fov, 1)) for fov in range(n_fovs)} == {"100 %"}


def test_cancel_and_resume_answer_while_the_gui_is_busy(dock, until, monkeypatch):
    monkeypatch.setattr(task_module, "cancelable_progress", BusyBar)
    monkeypatch.setattr(viewer_run, "plan_run", lambda request: plan_of(3000))
    monkeypatch.setattr(viewer_run, "layers_of_results", lambda *_: [])

    def execute(request, report, cancel):
        many_events(3000, report, cancel)
        return True

    without_workers(monkeypatch, execute)
    for _ in range(2):
        dock.run.click()
        time.sleep(1)
        until(lambda: dock.progress.share > 0)
        dock.cancel.click()
        assert dock.message.text() == "Cancelling…" and not dock.cancel.isEnabled()
        until(lambda: not dock.task.running, seconds=5)
        assert dock.message.text().startswith("Cancelled")
        assert dock.run.isEnabled()


def test_failures_of_a_whole_run_do_not_fill_the_dock(dock, until, monkeypatch):
    def execute(request, report, cancel):
        for fov in range(300):
            report(event("workflow", fov, message="failed in copy: <no> frame & no end"))
        return False

    monkeypatch.setattr(viewer_run, "plan_run", lambda request: plan_of(300))
    without_workers(monkeypatch, execute)
    run(dock, until)
    text = dock.message.text()
    assert "<br>FOV 0 <span>failed in copy: &lt;no&gt; frame &amp; no end" in text
    assert text.endswith("and 295 more: the table says why.")
    model = dock.fovs.fovs
    assert "no end" in model.data(model.index(299, 2))


def test_progress_is_shown_per_fov_and_step(dock, until, monkeypatch):
    go_on = threading.Event()

    def execute(request, report, cancel):
        report(event("segmentation", 1, t=1, message="segmenting"))
        go_on.wait(10)
        return True

    without_workers(monkeypatch, execute)
    dock.start()
    model = dock.fovs.fovs
    until(lambda: dock.progress.share > 0)
    row = [model.data(model.index(1, column)) for column in range(3)]
    assert row == ["1", "30 %", "segmentation: segmenting"]
    assert dock.bar.value() == 100
    go_on.set()
    until(lambda: not dock.task.running)


def test_the_command_is_copied(dock):
    dock.recipe_bar.command.click()
    clipboard = QApplication.clipboard().text()
    assert clipboard.startswith("pyama run ")
    assert "--fovs 0-2" in clipboard


@timed
def test_callbacks_do_not_hold_the_gui_thread(stopwatch, dock, until):
    run(dock, until)
    assert not stopwatch.slow


def test_only_results_are_kept_when_asked(dock, until):
    dock.form.fovs.setCurrentText("0")
    dock.form.only_results.setChecked(True)
    dock.recipe_bar.command.click()
    assert "--keep results" in QApplication.clipboard().text()
    run(dock, until)
    assert not list(dock.form.folder.path.rglob("*_pc_ch_*.npy"))
    assert np.asarray(dock.viewer.layers["cells"].data[0]).any()


def _workers():
    return [line for line in _command_lines() if "loky" in line and "tracker" not in line]


def _command_lines():
    """Command lines of the processes this one has started."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            yield " ".join(child.cmdline())
