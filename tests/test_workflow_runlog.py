"""What can be told of the runs into a folder a year later, and of FOVs of different recipes."""

import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pyama_core.io import MicroscopyMetadata
from pyama_core.processes import as_json, this_process
from pyama_core.processing.workflow.index import ResultsKeeper
from pyama_core.processing.workflow.planning import prepare_run
from pyama_core.processing.workflow.provenance import mixed_recipes, mixed_recipes_in, statuses
from pyama_core.processing.workflow.run_records import read_runs
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from pyama_core.processing.workflow.status import FovStatus, Stamp, StepRecord
from tests.runs import context_for, run


def run_files(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((folder / "runs").iterdir())]


def test_a_run_is_told_by_one_file(metadata: MicroscopyMetadata, tmp_path: Path) -> None:
    assert run(metadata, context_for(tmp_path, tracking={"max_gap": 4}), fovs=[0, 2], n_workers=2)
    (told,) = run_files(tmp_path)
    (path,) = (tmp_path / "runs").iterdir()
    assert (
        path.name == f"{told['started'][:19].replace('-', '').replace(':', '')}Z-{told['id']}.json"
    )
    assert told["outcome"] == "done"
    assert told["command"] == shlex.join(sys.argv)
    assert Path(told["file"]) == metadata.file_path.absolute()
    assert len(told["input"]) >= 32
    assert (told["fovs"], told["channels"]) == ("0, 2", {"pc": 0, "fl": [1]})
    assert told["recipe"]["tracking"]["max_gap"] == 4
    assert told["recipe"]["segmentation"]["method"]
    assert told["versions"].keys() >= {"napari-pyama", "numpy", "numba", "nd2"}
    assert told["process"] == as_json(this_process())
    assert "cores usable" in told["system"]["Processor"]
    assert (told["workers"], told["keep"]) == (2, "all")
    assert set(told["seconds_of_fovs"]) == {"0", "2"}
    assert set(told["seconds_of_fovs"]["0"]) == set(told["steps"])
    assert told["seconds"] >= sum(told["seconds_of_fovs"]["0"].values()) / 2
    assert any("max_distance" in message["text"] for message in told["messages"])
    assert all(message["fovs"] for message in told["messages"])
    assert not (tmp_path / "run_log.json").exists()


def test_the_next_run_tells_what_it_did_itself(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    assert run(metadata, context_for(tmp_path), fovs=[0])
    assert run(metadata, context_for(tmp_path, extraction={"min_trace_length": 2}), fovs=[0])
    assert list(read_runs(tmp_path)[1]["seconds_of_fovs"]["0"]) == ["extraction"]
    assert run(metadata, context_for(tmp_path, extraction={"min_trace_length": 2}), fovs=[0])
    assert read_runs(tmp_path)[2]["seconds_of_fovs"] == {}


def test_a_failure_is_told_with_its_traceback(metadata: MicroscopyMetadata, tmp_path: Path) -> None:
    (tmp_path / "fov_001" / "small_fov_001_seg_ch_0.npy").mkdir(parents=True)
    assert not run(metadata, context_for(tmp_path))
    (told,) = read_runs(tmp_path)
    assert told["outcome"] == "incomplete"
    assert list(told["failures"]) == ["1"]
    assert "Traceback" in told["failures"]["1"]


@pytest.mark.parametrize(
    ("process", "age_seconds", "outcome"),
    [
        ({}, 1000, "running"),
        ({"started": "1"}, 0, "killed"),
        ({"boot": "another", "namespace": ""}, 5, "running"),
        ({"boot": "another", "namespace": ""}, 100, "killed"),
        ({"pid": "x"}, 0, "killed"),
    ],
)
def test_a_run_that_was_killed_is_told_from_one_at_work(
    metadata: MicroscopyMetadata,
    tmp_path: Path,
    process: dict[str, Any],
    age_seconds: float,
    outcome: str,
) -> None:
    keeper = ResultsKeeper(prepare_run(metadata, context_for(tmp_path), [0]), "all")
    (path,) = (tmp_path / "runs").iterdir()
    written = json.loads(path.read_bytes())
    path.write_text(json.dumps(written | {"process": as_json(this_process()) | process}))
    then = path.stat().st_mtime - age_seconds
    os.utime(path, (then, then))
    assert read_runs(tmp_path)[0]["outcome"] == outcome
    keeper.close("interrupted")
    assert read_runs(tmp_path)[0]["outcome"] == "interrupted"


def test_logs_of_earlier_versions_are_read_and_damaged_files_count_for_nothing(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    assert run(metadata, context_for(tmp_path), fovs=[0])
    old = [{"file": "a.nd2", "started": "2020-01-01T00:00:00+00:00", "outcome": "done"}, 7, None]
    (tmp_path / "run_log.json").write_text(json.dumps(old))
    for name, content in {
        "0.json": "[" * 99999,
        "1.json": "7",
        "2.json": "",
        "3.json": '{"outcome": 3}',
        "4.json": '{"a": ' + "9" * 5000 + "}",
    }.items():
        (tmp_path / "runs" / name).write_text(content)
    (tmp_path / "runs" / "5.json").mkdir()
    outcomes = [told["outcome"] for told in read_runs(tmp_path)]
    assert outcomes == ["3", "done", "done"]
    (tmp_path / "run_log.json").write_text('{"a": 1}')
    assert len(read_runs(tmp_path)) == 2


def test_fovs_of_different_recipes_are_named_with_what_differs(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    assert run(metadata, context_for(tmp_path), fovs=[0, 1])
    assert mixed_recipes_in(tmp_path) == []
    assert run(metadata, context_for(tmp_path, segmentation={"min_size": 60}), fovs=[2])
    (message,) = mixed_recipes_in(tmp_path)
    assert message.weight == "warning"
    default = json.dumps(
        prepare_run(metadata, context_for(tmp_path), [0]).params.segmentation.min_size
    )
    assert message.text == (
        "FOVs were made with different recipes: segmentation.min_size is "
        f"{default} for FOV 0-1, 60 for FOV 2."
    )


def test_fovs_of_different_channels_are_named(metadata: MicroscopyMetadata, tmp_path: Path) -> None:
    assert run(metadata, context_for(tmp_path), fovs=[0])
    context = ProcessingContext(tmp_path, Channels(pc=0, fl=[]))
    assert run(metadata, context, fovs=[1])
    texts = [message.text for message in mixed_recipes(statuses(tmp_path))]
    assert any("channel 1 in extraction is" in text for text in texts)
    assert all("for FOV 0" in text and "for FOV 1" in text for text in texts)


def test_a_new_version_of_a_step_is_named_and_a_failed_step_is_not() -> None:
    def status(state: Any, **changes: Any) -> FovStatus:
        stamp = replace(Stamp("file", 1, {"a": 1}, {"1": "middle"}), **changes)
        return FovStatus({"tracking": StepRecord(state, stamp)})

    found = {0: status("done"), 1: status("pruned"), 2: status("failed", version=3)}
    assert mixed_recipes(found) == []
    found |= {n: status("done", version=n) for n in range(2, 12)}
    (message,) = mixed_recipes(found)
    assert "the version of tracking is 1 for FOV 0-1, 2 for FOV 2, 3 for FOV 3" in message.text
    assert message.text.endswith("and 7 more values.")


def test_folders_of_pyama_have_no_recipes_to_differ(tmp_path: Path) -> None:
    (tmp_path / "fov_000").mkdir()
    (tmp_path / "processing_results.yaml").touch()
    assert (
        mixed_recipes_in(tmp_path) == mixed_recipes_in(tmp_path / "processing_results.yaml") == []
    )
