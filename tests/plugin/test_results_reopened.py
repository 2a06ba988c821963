"""Results opened again: their file is found, or what is known of it; their run continues."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from napari.components import ViewerModel

from napari_pyama import reader
from napari_pyama.background.viewer_run import run_of
from napari_pyama.docks.run_dock import RunDock
from napari_pyama.docks.steps import SegmentDock
from napari_pyama.layers.result_source import ResultSource, read_folder
from napari_pyama.reader import read_results_folder
from napari_pyama.session import opened as opened_module
from napari_pyama.session.opened import open_folders
from napari_pyama.session.session import session_of
from pyama_core.errors import InputError
from pyama_core.io import ChannelInfo, open_microscopy
from pyama_core.io.nd2.writer import Nd2Layout, Position, TimePhase, write_nd2
from pyama_core.processing.workflow.params import workflow_params
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from tests.plugin.sources import cells, open_layers
from tests.plugin.trace_tables import results_folder

RECIPE = {"segmentation": {"min_size": 77, "opening_iterations": 1}, "copy": {"z": "middle"}}


def write_file(path: Path, movie=None) -> Path:
    """Write three channels of two named positions, as a microscope does."""
    phase = cells() if movie is None else movie
    n_fovs, n_frames = phase.shape[:2]

    def frame(fov, frame, z):
        image = phase[fov, frame]
        return np.stack([image, image // 4, image // 8])

    write_nd2(
        path,
        frame,
        channels=[ChannelInfo("Phase"), ChannelInfo("GFP", 510.0), ChannelInfo("RFP", 600.0)],
        layout=Nd2Layout(
            phases=(TimePhase(n_frames, 300_000.0),),
            positions=tuple(Position(name) for name in ("A1", "B2")[:n_fovs]),
        ),
        pixel_size_um=0.65,
        frame_times_ms=300_000.0 * np.arange(n_frames),
    )
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file and its results, of one FOV, by a run that was given a relative path."""
    folder = tmp_path_factory.mktemp("lab")
    write_file(folder / "movie.nd2")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        source = open_microscopy("movie.nd2")
        context = ProcessingContext(Path("out"), Channels(0, [2]), params=RECIPE)
        assert run_complete_workflow(source.metadata, context, fovs=[0], n_workers=1)
    return folder


@pytest.fixture
def lab(made, tmp_path):
    """The same in a folder of its own."""
    shutil.copytree(made, tmp_path / "lab")
    return tmp_path / "lab"


def forget_path(results: Path) -> None:
    """Leave the results with paths that lead nowhere."""
    index = results / "processing_results.yaml"
    content = yaml.safe_load(index.read_text())
    content["source"]["path"] = "D:\\microscope\\movie.nd2"
    index.write_text(yaml.safe_dump(content))
    for run in (results / "runs").glob("*.json"):
        run.write_text(run.read_text().replace("movie.nd2", "gone.nd2"))


def described(source):
    metadata = source.metadata
    return (
        metadata.channel_names,
        [channel.emission_nm for channel in metadata.channels],
        metadata.pixel_size_um,
        metadata.fov_names,
        metadata.n_fovs,
    )


def test_a_file_that_was_given_by_a_relative_path_is_found_from_anywhere(
    made, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    source = read_folder(made / "out").source
    assert source.metadata.file_path == made / "movie.nd2"


def test_a_file_that_was_moved_with_its_results_is_found(lab):
    forget_path(lab / "out")
    assert read_folder(lab / "out").source.metadata.file_path == lab / "movie.nd2"
    (lab / "movie.nd2").rename(lab / "out" / "movie.nd2")
    assert read_folder(lab / "out").source.metadata.file_path == lab / "out" / "movie.nd2"


def test_results_without_their_file_keep_names_colors_and_scale(lab):
    known = described(read_folder(lab / "out").source)
    forget_path(lab / "out")
    (lab / "movie.nd2").unlink()
    found = read_folder(lab / "out")
    assert isinstance(found.source, ResultSource)
    assert described(found.source) == known
    assert known == (("Phase", "GFP", "RFP"), [None, 510.0, 600.0], 0.65, ("A1", "B2"), 2)
    layers = {one[1]["name"]: one[1] for one in read_results_folder(str(lab / "out"))}
    assert {"Phase", "RFP", "RFP corrected", "cells"} <= set(layers)
    assert "GFP" not in layers, "it was not copied"
    assert (
        layers["Phase"]["scale"][-1] == 0.65 and str(layers["cells"]["units"][-1]) == "micrometer"
    )
    assert layers["RFP"]["colormap"] != "gray"
    assert layers["RFP"]["blending"] == "additive"


def test_that_the_file_is_not_found_is_said_with_its_name(lab):
    assert open_folders([lab / "out"]).warnings == []
    forget_path(lab / "out")
    (lab / "movie.nd2").unlink()
    (warning,) = open_folders([lab / "out"]).warnings
    assert warning.startswith("movie.nd2, from which out was made, is neither")


def test_another_file_under_the_name_is_not_taken_for_it(lab):
    forget_path(lab / "out")
    write_file(lab / "movie.nd2", cells() + 9)
    assert isinstance(read_folder(lab / "out").source, ResultSource)
    (lab / "movie.nd2").write_bytes(b"no file of a microscope")
    assert isinstance(read_folder(lab / "out").source, ResultSource)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        7,
        {"path": 7, "channels": "x", "positions": {"a": 1}, "pixel_size_um": "wide"},
        {"path": "a\0b", "channels": [3, {"name": 5, "emission_nm": 10**400}], "positions": [7]},
        {"pixel_size_um": float("nan"), "channels": [{"name": "X", "emission_nm": -3}]},
        {"pixel_size_um": True, "path": "/dev/zero"},
    ],
)
def test_an_entry_that_is_not_as_it_should_be_keeps_no_folder_shut(lab, entry):
    (lab / "movie.nd2").unlink()
    index = lab / "out" / "processing_results.yaml"
    content = yaml.safe_load(index.read_text())
    content["source"] = entry
    index.write_text(yaml.safe_dump(content))
    shutil.rmtree(lab / "out" / "runs")
    (lab / "out" / "run_log.json").write_text(json.dumps([5, {"file": 7}, {"file": "/dev/zero"}]))
    metadata = read_folder(lab / "out").source.metadata
    assert metadata.pixel_size_um is None
    assert metadata.n_channels == 3 and metadata.n_fovs == 1
    assert read_results_folder(str(lab / "out"))


@pytest.fixture
def reopened(lab, monkeypatch):
    """A viewer in which the results were dropped."""
    viewer = ViewerModel()
    monkeypatch.setattr(reader, "current_viewer", lambda: viewer)
    open_layers(viewer, read_results_folder(str(lab / "out")))
    yield viewer
    run_of(viewer).close()


def test_opening_results_continues_their_run(reopened, lab, shown, until):
    dock = shown(RunDock(reopened))
    assert dock.form.folder.path == lab / "out"
    assert session_of(reopened).recipe == workflow_params(RECIPE)
    assert (session_of(reopened).pc, session_of(reopened).fl) == (0, (2,))
    assert [box.isChecked() for box in dock.form.channels.boxes] == [False, False, True]
    until(lambda: dock.run.text() == "Resume (1 FOV left)")
    dock.form.fovs.setCurrentText("0")
    until(lambda: "Everything is done already." in dock.disk.text())
    dock.form.fovs.setCurrentText("all")
    dock.start()
    until(lambda: not dock.task.running and not dock.loading.busy)
    assert "All FOVs are done" in dock.message.text()
    assert sorted(path.name for path in lab.iterdir()) == ["movie.nd2", "out"]
    assert np.asarray(reopened.layers["cells"].data[1]).any()


def test_the_step_docks_show_the_recipe_of_opened_results(reopened, shown):
    dock = shown(SegmentDock(reopened))
    assert dock.form.value.min_size == 77


def test_a_file_and_other_results_keep_their_own_channels_and_folders(reopened, lab, shown, until):
    dock = shown(RunDock(reopened))
    raw = reopened.layers["Phase"]
    other = write_file(lab / "other.nd2")
    open_layers(reopened, opened_module.open_images([other]).layers)
    until(lambda: dock.form.folder.path == lab / "other_pyama")
    assert session_of(reopened).fl == (1, 2)
    dock.form.folder.path = lab / "elsewhere"
    dock.form.folder.changed.emit()
    reopened.layers.selection.active = raw
    until(lambda: dock.form.folder.path == lab / "out")
    assert session_of(reopened).fl == (2,)
    reopened.layers.selection.active = reopened.layers[-1]
    until(lambda: dock.form.folder.path == lab / "elsewhere")


def test_results_without_their_file_cannot_be_continued_but_copied_frames_can_be_used(
    lab, shown, until, monkeypatch
):
    forget_path(lab / "out")
    (lab / "movie.nd2").unlink()
    viewer = ViewerModel()
    monkeypatch.setattr(reader, "current_viewer", lambda: viewer)
    open_layers(viewer, read_results_folder(str(lab / "out")))
    dock = shown(RunDock(viewer))
    assert dock.form.folder.path == lab / "out"
    with pytest.raises(InputError, match=r"movie\.nd2, is not there: put it beside out"):
        dock.request()
    dock.form.folder.path = lab / "new"
    with pytest.raises(InputError, match="FOVs 1 have no raw copies of channels 0, 2"):
        dock.request()
    dock.form.fovs.setCurrentText("0")
    dock.start()
    until(lambda: not dock.task.running)
    assert "All FOVs are done" in dock.message.text()
    run_of(viewer).close()


def test_a_recipe_that_cannot_be_used_is_named_and_the_results_open(lab):
    index = lab / "out" / "processing_results.yaml"
    content = yaml.safe_load(index.read_text())
    content["params"] = {"segmentation": {"radius": 3}, "own_step": {"depth": 1}}
    index.write_text(yaml.safe_dump(content))
    opened = open_folders([lab / "out"])
    assert opened.runs[0].recipe is None
    assert opened.warnings[0].startswith("The recipe of out cannot be used here")


def test_results_of_another_program_leave_the_recipe_alone(tmp_path):
    opened = open_folders([results_folder(tmp_path / "pyama")])
    assert opened.warnings == []
    assert opened.runs[0].recipe is None
    assert opened.runs[0].channels == (0, (1, 2))
