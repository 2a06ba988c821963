"""The docks of the steps: live preview, run on this FOV, one recipe for all."""

import threading

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels, Tracks
from qtpy.QtWidgets import QApplication

from napari_pyama.docks import step_dock
from napari_pyama.docks.recipe_bar import RecipeBar
from napari_pyama.docks.steps import CopyDock, CorrectDock, ExtractDock, SegmentDock, TrackDock
from napari_pyama.layers.raw import cell_colors, origin_of
from napari_pyama.session.session import session_of
from pyama_core.errors import InputError
from pyama_core.io import open_microscopy
from pyama_core.processing.segmentation import SegmentationParams
from tests.plugin.sources import open_in, stack_experiment
from tests.plugin.stopwatch import timed

ALL = (CopyDock, SegmentDock, CorrectDock, TrackDock, ExtractDock)
GENTLE = SegmentationParams(opening_iterations=1, closing_iterations=0)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def previews(viewer):
    return [layer for layer in viewer.layers if layer.name.startswith("preview")]


@pytest.fixture
def gentle(viewer):
    """A recipe that finds both squares."""
    session_of(viewer).set_section("segmentation", GENTLE)


@pytest.mark.parametrize("kind", ALL)
def test_a_dock_on_an_empty_viewer_says_what_to_do(kind, shown):
    dock = shown(kind(ViewerModel()))
    assert dock.heading.text() == step_dock.NOTHING_OPEN
    assert dock.request() is None


@pytest.mark.parametrize(
    ("kind", "layer", "text"),
    [
        (SegmentDock, "preview: segmentation", "% of the frame is cell"),
        (CorrectDock, "preview: corrected", "GFP: the background is about 2"),
        (TrackDock, "preview: tracking", "2 of 2 cells linked between frames 0 and 1"),
        (ExtractDock, "preview: cells", "2 cells measured"),
    ],
)
def test_each_step_shows_what_it_does_to_the_frame(kind, layer, text, viewer, gentle, shown, until):
    dock = shown(kind(viewer))
    until(lambda: layer in names(viewer))
    assert text in dock.status.text()
    assert viewer.layers.selection.active.name == "GFP"
    preview = viewer.layers[layer]
    assert tuple(preview.scale) == (0.5, 0.5)
    assert preview.axis_labels == ("y", "x")


def test_copying_shows_the_plane_taken_from_a_z_stack(shown, until):
    viewer = ViewerModel()
    open_in(viewer, stack_experiment())
    shown(CopyDock(viewer))
    until(lambda: "preview: copied plane" in names(viewer))


def test_the_preview_follows_parameter_and_frame(viewer, shown, until):
    dock = shown(SegmentDock(viewer))
    until(lambda: bool(previews(viewer)))
    before = np.asarray(previews(viewer)[0].data)
    dock.form.rows["opening_iterations"].editor.native.setValue(1)
    dock.form.rows["closing_iterations"].editor.native.setValue(0)
    until(lambda: not np.array_equal(previews(viewer)[0].data, before))
    before = np.asarray(previews(viewer)[0].data)
    viewer.dims.set_current_step((0, 1), (1, 3))
    until(lambda: not np.array_equal(previews(viewer)[0].data, before))
    until(lambda: "FOV 1" in dock.heading.text())
    assert "frame 3" in dock.heading.text()


def test_live_preview_can_be_turned_off(viewer, shown, until):
    dock = shown(SegmentDock(viewer))
    until(lambda: bool(previews(viewer)))
    dock.live.setChecked(False)
    assert not previews(viewer)
    viewer.dims.set_current_step(1, 2)
    until(lambda: "frame 2" in dock.heading.text())
    assert not dock.preview.busy


def test_a_hidden_dock_takes_its_preview_along(viewer, shown, until):
    dock = shown(SegmentDock(viewer))
    until(lambda: bool(previews(viewer)))
    dock.hide()
    assert not previews(viewer)
    dock.show()
    until(lambda: bool(previews(viewer)))


def test_closing_a_dock_while_a_preview_is_computed_is_clean(viewer, shown, monkeypatch, qtbot):
    begun, go_on = threading.Event(), threading.Event()

    def slow(make, request):
        begun.set()
        go_on.wait(5)
        return make(request)

    monkeypatch.setattr(step_dock, "_compiled_preview", slow)
    dock = shown(SegmentDock(viewer))
    qtbot.waitUntil(begun.is_set)
    dock.close()
    go_on.set()
    qtbot.wait(100)
    assert not previews(viewer)


def test_a_preview_that_fails_takes_the_one_before_with_it(viewer, shown, until, monkeypatch):
    dock = shown(SegmentDock(viewer))
    until(lambda: bool(previews(viewer)))

    def fail(make, request):
        raise InputError("The model <none> isn't there.")

    monkeypatch.setattr(step_dock, "_compiled_preview", fail)
    viewer.dims.set_current_step(1, 2)
    until(lambda: "No preview: The model &lt;none&gt; isn't there." in dock.status.text())
    assert not previews(viewer)


def test_removing_the_layers_ends_the_preview(viewer, shown, until):
    dock = shown(SegmentDock(viewer))
    until(lambda: bool(previews(viewer)))
    viewer.layers.clear()
    until(lambda: dock.heading.text() == step_dock.NOTHING_OPEN)
    until(lambda: not dock.preview.busy)


def test_docks_of_a_viewer_share_the_recipe_and_the_channels(viewer, shown, until):
    one, other = shown(CorrectDock(viewer)), shown(ExtractDock(viewer))
    segment = shown(SegmentDock(viewer))
    session_of(viewer).set_section("segmentation", GENTLE)
    assert segment.form.value == GENTLE
    one.channels.boxes[1].setChecked(False)
    assert session_of(viewer).fl == ()
    until(lambda: not other.channels.boxes[1].isChecked())
    until(lambda: "Choose a channel" in one.status.text())


def test_reset_all_gives_the_defaults(viewer, gentle, shown):
    dock = shown(SegmentDock(viewer))
    dock.reset.click()
    assert session_of(viewer).recipe.segmentation == SegmentationParams()


def test_running_on_this_fov_adds_the_results_of_all_frames(viewer, gentle, shown, until):
    viewer.dims.set_current_step(0, 1)
    dock = shown(ExtractDock(viewer))
    dock.trial.start()
    until(lambda: not dock.trial.task.running)
    assert {"segmentation", "GFP corrected", "GFP background", "cells", "tracks"} <= set(
        names(viewer)
    )
    cells, tracks = viewer.layers["cells"], viewer.layers["tracks"]
    assert isinstance(cells, Labels)
    assert not cells.editable
    assert cells.data.shape == viewer.layers["Phase"].data.shape
    assert np.asarray(cells.data[1]).max() == 2
    assert not np.asarray(cells.data[0]).any()
    assert isinstance(tracks, Tracks)
    assert len(np.unique(tracks.data[:, 0])) == 2
    assert dock.table.model().rowCount() == len(tracks.data)
    for layer in viewer.layers:
        assert layer.units[-1] == viewer.layers["Phase"].units[-1]


def test_a_cell_has_one_color_in_labels_and_tracks(viewer, gentle, shown, until):
    dock = shown(TrackDock(viewer))
    dock.trial.start()
    until(lambda: not dock.trial.task.running)
    cells, tracks = viewer.layers["cells"], viewer.layers["tracks"]
    for row, color in zip(tracks.data, tracks.track_colors, strict=True):
        assert np.allclose(color, cell_colors(row[0])[0])
        assert np.allclose(cells.get_color(int(row[0])), cell_colors(row[0])[0])


def test_a_second_trial_does_only_what_changed_and_replaces_the_layers(
    viewer, gentle, shown, until
):
    dock = shown(SegmentDock(viewer))
    dock.trial.start()
    until(lambda: not dock.trial.task.running)
    before, n_layers = np.asarray(viewer.layers["segmentation"].data), len(viewer.layers)
    dock.form.rows["min_size"].editor.native.setValue(5000)
    steps = set()
    dock.trial.task.reported.connect(lambda event: steps.add(event["step"]))
    dock.trial.start()
    until(lambda: not dock.trial.task.running)
    assert steps == {"segmentation"}
    assert before.any()
    assert not np.asarray(viewer.layers["segmentation"].data).any()
    assert len(viewer.layers) == n_layers


def test_tracks_follow_the_position_slider(viewer, gentle, shown, until):
    dock = shown(TrackDock(viewer))
    for fov in (0, 1):
        viewer.dims.set_current_step(0, fov)
        dock.trial.start()
        until(lambda: not dock.trial.task.running)
    assert viewer.layers["tracks"].metadata["fov"] == 1
    of_last = viewer.layers["tracks"].data.copy()
    viewer.dims.set_current_step(0, 0)
    until(lambda: viewer.layers["tracks"].metadata["fov"] == 0)
    assert not np.array_equal(viewer.layers["tracks"].data, of_last)


def test_of_the_labels_those_are_seen_that_the_last_step_made(viewer, gentle, shown, until):
    seen = {}
    for kind in (SegmentDock, TrackDock, CorrectDock, SegmentDock):
        dock = shown(kind(viewer))
        dock.trial.start()
        until(lambda trial=dock.trial: not trial.task.running)
        labels = ("segmentation", "cells", "tracks")
        seen[dock] = [name for name in labels if name in viewer.layers]
        seen[dock] = [name for name in seen[dock] if viewer.layers[name].visible]
    assert list(seen.values()) == [["segmentation"], ["cells", "tracks"], [], ["segmentation"]]


def test_a_trial_can_be_cancelled(viewer, shown, until, monkeypatch):
    from napari_pyama.docks import step_dock as trial_bar

    def endless(request, step, scratch, report, cancel):
        cancel.wait(30)
        raise InterruptedError

    monkeypatch.setattr(trial_bar, "run_trial", endless)
    dock = shown(SegmentDock(viewer))
    dock.trial.start()
    assert not dock.trial.run.isEnabled()
    dock.trial.cancel.click()
    until(lambda: not dock.trial.task.running)
    assert dock.trial.message.text() == "Cancelled."
    assert dock.trial.run.isEnabled()


def test_a_failing_trial_says_why_in_one_sentence(viewer, shown, until, monkeypatch):
    from napari_pyama.widgets import messages as notices

    told = []
    monkeypatch.setattr(notices, "show_error", told.append)
    session_of(viewer).adopt(origin_of(viewer.layers[0]).source)
    session_of(viewer).set_channels(0, (7,))
    dock = shown(ExtractDock(viewer))
    dock.live.setChecked(False)
    dock.trial.start()
    until(lambda: not dock.trial.task.running)
    assert len(told) == 1
    assert "7" in told[0]
    assert dock.trial.message.text() == f"Failed: {told[0]}"


@timed
def test_callbacks_do_not_hold_the_gui_thread(stopwatch, viewer, gentle, shown, until):
    docks = [shown(kind(viewer)) for kind in ALL]
    until(lambda: len(previews(viewer)) == 4)
    for frame in (1, 2, 3):
        viewer.dims.set_current_step(1, frame)
        docks[1].form.rows["min_size"].editor.native.setValue(frame)
    until(lambda: not any(dock.preview.busy for dock in docks))
    docks[-1].trial.start()
    until(lambda: not docks[-1].trial.task.running)
    viewer.dims.set_current_step(0, 1)
    for dock in docks:
        dock.close()
    assert not stopwatch.slow
    assert stopwatch.longest


def test_every_dock_copies_the_command_of_the_whole_run(shown, shared_data):
    viewer = ViewerModel()
    open_in(viewer, open_microscopy(shared_data / "nd2" / "t98g_t37p2c2.nd2"))
    dock = shown(SegmentDock(viewer))
    session_of(viewer).set_section("segmentation", GENTLE)
    dock.findChild(RecipeBar).command.click()
    command = QApplication.clipboard().text()
    assert command.startswith("pyama run ")
    assert "--set segmentation.opening_iterations=1" in command


def test_the_preview_says_that_no_cell_is_found_and_what_to_try(viewer, shown, until):
    session_of(viewer).set_section("segmentation", SegmentationParams(min_size=100_000))
    dock = shown(SegmentDock(viewer))
    until(lambda: "No cell is found in this frame" in dock.status.text())
    assert "segmentation.min_size" in dock.status.text()


def test_an_empty_segmentation_gives_empty_results_and_no_error(viewer, shown, until, monkeypatch):
    from napari_pyama.widgets import messages as notices

    told = []
    monkeypatch.setattr(notices, "show_error", told.append)
    session_of(viewer).set_section("segmentation", SegmentationParams(min_size=100_000))
    dock = shown(ExtractDock(viewer))
    until(lambda: dock.status.text() == "0 cells measured in this frame.")
    dock.trial.start()
    until(lambda: not dock.trial.task.running)
    assert not told
    assert not viewer.layers["tracks"].visible
    assert dock.table.model().rowCount() == 0
    viewer.dims.set_current_step(0, 1)
    until(lambda: "FOV 1" in dock.heading.text())
