"""What killed runs, other programs and damage leave in a folder, and what a run does then."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyama_core.errors import InputError
from pyama_core.io import ArraySource, MicroscopyMetadata
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.results import read_results
from pyama_core.processes import as_json, this_process
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.copying import CopyingService
from pyama_core.processing.workflow.services.steps import (
    CorrectionService,
    ExtractionService,
    SegmentationService,
    TrackingService,
)
from pyama_core.processing.workflow.status import read_status
from tests.runs import N_FOVS, N_FRAMES, SIZE, context_for, run
from tests.scenes import scene_frame

STEPS = (CopyingService, SegmentationService, CorrectionService, TrackingService, ExtractionService)


@pytest.fixture(scope="module")
def made(small_nd2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with FOV 0 done."""
    folder = tmp_path_factory.mktemp("made") / "out"
    metadata = MicroscopyMetadata(small_nd2, "small", N_FOVS, N_FRAMES, SIZE, SIZE)
    assert run(metadata, context_for(folder), fovs=[0])
    return folder


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return shutil.copytree(made, tmp_path / "out")


def contents(folder: Path) -> dict[str, bytes]:
    kept = ("overview.png", "status.json")
    paths = (path for path in folder.rglob("*.*") if path.parent.name != "runs")
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in paths if path.name not in kept
    }


def fovs_in_table(folder: Path) -> list[str]:
    return [line.split(",")[0] for line in (folder / "traces.csv").read_text().splitlines()[1:]]


def states(folder: Path, fov: int = 0) -> dict[str, str]:
    status = read_status(folder / f"fov_{fov:03d}" / "status.json")
    return {name: step.state for name, step in status.steps.items()}


def leave_partial(folder: Path) -> None:
    """Leave in FOV 0 what a run leaves that is killed while it writes."""
    own = folder / "fov_000"
    for name in ("seg_labeled_ch_0.npy", "traces_ch_1.csv", "background_ch_1.npz"):
        (own / f".partial-1a2b3c4d-small_fov_000_{name}").write_bytes(b"half")


def test_half_written_files_of_another_fov_are_no_results(
    metadata: MicroscopyMetadata, out: Path
) -> None:
    leave_partial(out)
    before = read_results(out).fovs[0]
    assert run(metadata, context_for(out), fovs=[1])
    assert read_results(out).fovs[0] == before
    assert len(fovs_in_table(out)) == 2 * fovs_in_table(out).count("0")


@pytest.mark.parametrize("state", ["failed", "gone", "no status file", "damaged"])
def test_of_a_fov_that_is_not_done_no_traces_are_taken(
    metadata: MicroscopyMetadata, out: Path, state: str
) -> None:
    """Its files lie there whole: a status file that does not say so decides, or is not there."""
    path = out / "fov_000" / "status.json"
    status = json.loads(path.read_text())
    if state == "gone":
        del status["steps"]["extraction"]
    else:
        status["steps"]["extraction"]["state"] = "failed"
    path.write_text("damaged" if state == "damaged" else json.dumps(status))
    if state == "no status file":
        path.unlink()
    assert run(metadata, context_for(out), fovs=[1])
    is_taken_as_it_is = state == "no status file"
    assert ("0" in fovs_in_table(out)) == is_taken_as_it_is
    assert bool(read_results(out).fovs.get(0, ResultsPathsPerFOV()).traces_csv) == is_taken_as_it_is


def test_a_table_that_was_cut_is_left_out_and_made_again(
    metadata: MicroscopyMetadata, out: Path
) -> None:
    traces = out / "fov_000" / "small_fov_000_traces_ch_1.csv"
    whole = traces.read_bytes()
    traces.write_bytes(whole[:-30])
    assert run(metadata, context_for(out), fovs=[1])
    assert "0" not in fovs_in_table(out)
    assert run(metadata, context_for(out), fovs=[0])
    assert traces.read_bytes() == whole
    assert len(fovs_in_table(out)) == 2 * fovs_in_table(out).count("0")


class KillsItself(BaseProcessingService):
    """A step behind the segmentation at which the process dies."""

    name = "killer"
    after = "segmentation"

    def process_fov(self, *given: Any) -> None:
        raise InputError("killed")


def test_files_replaced_by_a_run_that_stopped_are_not_taken_for_those_before(
    metadata: MicroscopyMetadata, out: Path
) -> None:
    """With the former parameters again, the masks are those of the former parameters."""
    before = contents(out)
    changed = context_for(out, segmentation={"min_size": 20, "threshold": 0.2})
    assert not run(metadata, changed, fovs=[0], services=[KillsItself()])
    assert states(out) == {"copy": "done", "segmentation": "done", "killer": "failed"}
    mask = "fov_000/small_fov_000_seg_ch_0.npy"
    assert contents(out)[mask] != before[mask]
    assert run(metadata, context_for(out), fovs=[0])
    after = contents(out)
    assert all(after[name] == before[name] for name in before if name.startswith("fov_000"))


@pytest.mark.parametrize("keep", ["all", "results"])
@pytest.mark.parametrize("how", ["../victim.npy", "{above}/victim.npy", "fov_001/victim.npy"])
def test_names_in_status_files_lead_nowhere(
    metadata: MicroscopyMetadata, out: Path, how: str, keep: Any
) -> None:
    """Nothing that such a file names is removed or read; its FOV is done again."""
    victims = [out.parent / "victim.npy", out / "victim.npy", out / "fov_001" / "victim.npy"]
    for victim in victims:
        victim.parent.mkdir(exist_ok=True)
        victim.write_bytes(b"mine")
    path = out / "fov_000" / "status.json"
    status = json.loads(path.read_text())
    for step in status["steps"].values():
        step["outputs"].append({"name": how.format(above=out.parent), "size": 4, "digest": ""})
    path.write_text(json.dumps(status))
    assert run(metadata, context_for(out), fovs=[0], keep=keep)
    assert [victim.read_bytes() for victim in victims] == [b"mine"] * 3
    assert "victim" not in path.read_text()


def test_pruning_removes_what_the_layout_names_and_nothing_else(
    metadata: MicroscopyMetadata, out: Path
) -> None:
    path, mine = out / "fov_000" / "status.json", out / "fov_000" / "mine.npy"
    mine.write_bytes(b"mine")
    status = json.loads(path.read_text())
    status["steps"]["copy"]["outputs"].append({"name": "mine.npy", "size": 4, "digest": "x"})
    path.write_text(json.dumps(status))
    assert run(metadata, context_for(out), fovs=[0], keep="results")
    assert mine.read_bytes() == b"mine"
    assert not list(out.glob("fov_000/*_pc_ch_0.npy"))
    assert not list(out.glob("fov_000/*_fl_*.npy"))


def test_a_step_whose_outputs_lie_elsewhere_is_refused_before_any_work(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    class Elsewhere(KillsItself):
        def outputs(self, layout: Any, fov: int) -> list[Path]:
            return [layout.output_dir.parent / "mine.npy"]

    with pytest.raises(InputError, match=r'step "killer" has the output .*mine\.npy'):
        run(metadata, context_for(tmp_path / "out"), services=[Elsewhere()])
    assert not (tmp_path / "out").exists()


def damage_header(content: bytearray) -> None:
    content[:128] = b"\x93NUMPY\x01\x00" + b"?" * 120


def damage_shape(content: bytearray) -> None:
    content[:128] = content[:128].replace(b"(4, 96, 96)", b"(96, 4, 96)")


def damage_type(content: bytearray) -> None:
    content[:128] = content[:128].replace(b"'<u2'", b"'>i2'")


def clear(content: bytearray) -> None:
    content[:] = bytes(len(content))


def lose_the_end(content: bytearray) -> None:
    content[-5000:] = bytes(5000)


def cut(content: bytearray) -> None:
    del content[-1000:]


@pytest.mark.parametrize("damage", [damage_header, damage_shape, damage_type, clear, cut])
@pytest.mark.parametrize("name", ["seg_labeled_ch_0.npy", "pc_ch_0.npy"])
def test_a_damaged_stack_is_made_again(
    metadata: MicroscopyMetadata, out: Path, damage: Any, name: str
) -> None:
    before = contents(out)
    path = out / "fov_000" / f"small_fov_000_{name}"
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    assert run(metadata, context_for(out), fovs=[0])
    assert contents(out) == before


def test_an_end_of_zeros_as_a_crashed_machine_leaves_it_is_found(
    metadata: MicroscopyMetadata, out: Path
) -> None:
    before = contents(out)
    path = out / "fov_000" / "small_fov_000_fl_corrected_ch_1.npy"
    content = bytearray(path.read_bytes())
    lose_the_end(content)
    path.write_bytes(content)
    assert run(metadata, context_for(out), fovs=[0])
    assert contents(out) == before


@pytest.mark.parametrize("keep", ["all", "results"])
def test_a_step_makes_anew_what_turns_out_to_be_damaged_when_it_is_read(
    metadata: MicroscopyMetadata, made: Path, tmp_path: Path, keep: Any
) -> None:
    """One pixel in the midst of the labels: the step that reads them finds it, and says so."""
    out, clean = (shutil.copytree(made, tmp_path / name) for name in ("out", "clean"))
    changed = {"extraction": {"min_trace_length": 2}}
    assert run(metadata, context_for(out), fovs=[0], keep=keep)
    assert run(metadata, context_for(clean, **changed), fovs=[0])
    path = out / "fov_000" / "small_fov_000_seg_labeled_ch_0.npy"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 3
    path.write_bytes(content)
    assert run(metadata, context_for(out, **changed), fovs=[0])
    assert contents(out).items() <= contents(clean).items() if keep == "all" else True
    assert path.read_bytes() == (clean / "fov_000" / path.name).read_bytes()
    assert fovs_in_table(out) == fovs_in_table(clean)
    said = read_status(out / "fov_000" / "status.json").steps["tracking"].messages
    assert f"tracking was done again: {path.name} was changed or damaged" in str(said[0])


def test_a_damaged_status_file_has_its_fov_done_again(
    metadata: MicroscopyMetadata, out: Path
) -> None:
    before = contents(out)
    (out / "fov_000" / "status.json").write_bytes(b'{"steps": {"copy"')
    assert run(metadata, context_for(out), fovs=[0, 1])
    assert contents(out).items() >= {
        (name, content) for name, content in before.items() if name.startswith("fov_000")
    }


def test_what_killed_runs_left_is_tidied_by_the_next_one(
    metadata: MicroscopyMetadata, out: Path
) -> None:
    """In the top folder, beside the files of runs, and in FOVs that are complete."""
    dead = json.dumps(as_json(replace(this_process(), pid=2**22 + 1)) | {"token": "t"})
    (out / "fov_000" / ".lock").write_text(dead)
    (out / ".lock").write_text(dead)
    left = [".partial-1a2b3c4d-traces.csv", ".partial-12345678-7-9-abcdef01-a.yaml", ".partial-x"]
    folders = (out, out / "runs", out / "fov_000")
    for folder in folders:
        for name in left:
            (folder / name).write_bytes(b"half")
    assert run(metadata, context_for(out), fovs=[0])
    hidden = {path.name for path in out.rglob(".*")}
    assert hidden <= {".partial-12345678-7-9-abcdef01-a.yaml"}  # Another machine's, of today.
    for folder in folders:
        os.utime(folder / ".partial-12345678-7-9-abcdef01-a.yaml", (0, 0))
    assert run(metadata, context_for(out), fovs=[0])
    assert not list(out.rglob(".*"))


def call_by_hand(metadata: MicroscopyMetadata, folder: Path, **params: Any) -> None:
    context = context_for(folder, **params)
    for step in STEPS:
        step().process_all_fovs(metadata, context, folder)


def test_steps_called_by_hand_are_taken_over_by_a_run(
    metadata: MicroscopyMetadata, made: Path, tmp_path: Path
) -> None:
    call_by_hand(metadata, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("fov_*/*")}
    assert run(metadata, context_for(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("fov_*/*")} == before
    assert sorted(read_results(tmp_path).fovs) == [0, 1, 2]
    assert contents(tmp_path).items() >= {
        (name, content) for name, content in contents(made).items() if name.startswith("fov")
    }


def test_of_steps_called_by_hand_with_other_parameters_a_run_does_its_own_again(
    metadata: MicroscopyMetadata, made: Path, tmp_path: Path
) -> None:
    call_by_hand(metadata, tmp_path, tracking={"max_gap": 4})
    assert run(metadata, context_for(tmp_path))
    assert contents(tmp_path).items() >= {
        (name, content) for name, content in contents(made).items() if name.startswith("fov")
    }


def test_some_steps_called_by_hand_are_not_done_again(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    context = context_for(tmp_path)
    for step in STEPS[:2]:
        step().process_fov(metadata, context, tmp_path, 1)
    assert states(tmp_path, 1) == {"copy": "done", "segmentation": "done"}
    mask = tmp_path / "fov_001" / "small_fov_001_seg_ch_0.npy"
    before = mask.stat().st_mtime_ns
    assert run(metadata, context_for(tmp_path), fovs=[1])
    assert mask.stat().st_mtime_ns == before


def test_a_step_called_by_hand_on_pyamas_results_leaves_them_pyamas(
    metadata: MicroscopyMetadata, made: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(made / "fov_000", tmp_path / "fov_000")
    (folder / "status.json").unlink()
    SegmentationService().process_fov(metadata, context_for(tmp_path), tmp_path, 0)
    assert not (folder / "status.json").exists()
    assert read_results(tmp_path).fovs[0].traces_csv
    with pytest.raises(InputError, match="results that another program made"):
        run(metadata, context_for(tmp_path), fovs=[1])


def test_steps_called_by_hand_on_arrays_are_taken_over(tmp_path: Path) -> None:
    frames = np.stack([[scene_frame(fov, t, SIZE) for t in range(N_FRAMES)] for fov in range(2)])
    source = ArraySource(frames, axes="PTCYX", channels=["Phase", "GFP"], name="small")
    context = context_for(tmp_path)
    CopyingService(source).process_fov(source.metadata, context, tmp_path, 0)
    for step in STEPS[1:]:
        step().process_fov(source.metadata, context, tmp_path, 0)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("fov_000/*")}
    assert run_complete_workflow(source.metadata, context, source=source, fovs=[0])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("fov_000/*")} == before


@pytest.mark.parametrize("n_bytes", [300, 215])
def test_a_name_too_long_for_the_disk_is_found_before_any_work(
    metadata: MicroscopyMetadata, tmp_path: Path, n_bytes: int
) -> None:
    long = replace(metadata, base_name="ä" * (n_bytes // 2) + "a" * (n_bytes % 2))
    with pytest.raises(InputError, match="is too long for this disk: rename the microscopy file"):
        run(long, context_for(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_path_too_long_for_the_system_is_found_before_any_work(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    deep = tmp_path.joinpath(*["d" * 200] * 22)
    with pytest.raises(InputError, match="or an output folder with a shorter path"):
        run(metadata, context_for(deep))
    assert not list(tmp_path.glob("d*"))


def test_the_longest_name_that_fits_is_written(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    """Unfinished files have names that are not longer; those of inspected copies are."""
    longest = "_fov_000_traces_ch_1_inspected_2000-01-01_000000_99.csv"
    name = replace(metadata, base_name="a" * (255 - len(longest)))
    assert run(name, context_for(tmp_path), fovs=[0])
    with pytest.raises(InputError, match="too long"):
        run(replace(name, base_name=f"{name.base_name}a"), context_for(tmp_path / "b"), fovs=[0])


@pytest.mark.parametrize("name", ["../a", "a/b", ".hidden", "a\\b", ".."])
def test_a_name_that_leads_elsewhere_or_hides_results_is_refused(
    metadata: MicroscopyMetadata, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InputError, match=r"cannot be named after|cannot begin a file name"):
        run(replace(metadata, base_name=name), context_for(tmp_path / "out"))


@pytest.mark.skipif(os.name == "nt", reason="POSIX links")
@pytest.mark.parametrize("name", ["fov_001", "runs"])
def test_a_folder_that_leads_out_is_left_alone(
    name: str, metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to("../elsewhere")
    with pytest.raises(InputError, match=rf"{name} is a link to .*elsewhere, outside"):
        run(metadata, context_for(tmp_path / "out"))
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_picture_that_cannot_be_drawn_fails_no_run(small_nd2: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "overview.png").mkdir(parents=True)
    command = [sys.executable, "-m", "pyama_core.cli", "run", str(small_nd2), "-o", "out"]
    done = subprocess.run(
        [*command, "--pc", "0", "--fl", "1", "--fovs", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning: The overview was not drawn, the results are complete: " in done.stdout
