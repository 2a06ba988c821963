"""Array jobs: many runs at a time into one folder, as separate commands, some of them killed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pyama_core.io import MicroscopyMetadata
from pyama_core.io.results import read_results
from pyama_core.processing.workflow import index as folder_index
from pyama_core.processing.workflow.execution.worker import Outcome
from pyama_core.processing.workflow.index import IndexWriter, ResultsKeeper
from pyama_core.processing.workflow.planning import prepare_run
from pyama_core.processing.workflow.run_records import read_runs
from tests.runs import context_for, run
from tests.scenes import write_scene

N_TASKS, FOVS_EACH = 4, 2
SECONDS_TO_KILL = (1.0, 4.0)
"""After their start, which is while they prepare, copy, compute or end."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nd2") / "small.nd2"
    write_scene(path, n_fovs=N_TASKS * FOVS_EACH, n_frames=3, size=64)
    return path


def start(file: Path, out: Path, fovs: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pyama_core.cli", "run", str(file), "-o", str(out)]
    return subprocess.Popen(
        [*command, "--pc", "0", "--fl", "1", "--fovs", fovs, "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def start_tasks(file: Path, out: Path, tasks: Sequence[int]) -> dict[int, subprocess.Popen[str]]:
    return {
        task: start(file, out, f"{task * FOVS_EACH}-{(task + 1) * FOVS_EACH - 1}") for task in tasks
    }


def contents(folder: Path) -> dict[str, bytes]:
    """All that one run makes alike: status files and pictures hold seconds and dates."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.parent.name != "runs"]
    kept = [path for path in files if path.name not in ("status.json", "overview.png")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_tasks_into_one_folder_some_killed_make_what_one_run_makes(
    file: Path, tmp_path: Path
) -> None:
    one, many, rng = tmp_path / "one", tmp_path / "many", random.Random(7)
    out, err = start(file, one, "all").communicate(timeout=120)
    assert "8 of 8 done" in out, err
    tasks = start_tasks(file, many, range(N_TASKS))
    killed = rng.sample(range(N_TASKS), 2)
    for task in killed:
        time.sleep(rng.uniform(*SECONDS_TO_KILL) / 2)
        os.killpg(tasks[task].pid, signal.SIGKILL)
    said = {task: process.communicate(timeout=120) for task, process in tasks.items()}
    assert {t: said[t] for t, process in tasks.items() if process.returncode > 0} == {}
    again = start_tasks(file, many, killed)
    said = {task: process.communicate(timeout=120) for task, process in again.items()}
    assert {t: said[t] for t, process in again.items() if process.returncode} == {}
    assert contents(many) == contents(one)
    assert len(read_runs(many)) >= N_TASKS


def test_fovs_of_a_run_that_has_ended_stay_in_the_index_of_one_at_work(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    """The run at work began first, and finishes a FOV after the other one has ended."""
    at_work = ResultsKeeper(prepare_run(metadata, context_for(tmp_path), [0]), "all")
    assert run(metadata, context_for(tmp_path), fovs=[2])
    with_fov_1 = context_for(tmp_path)
    assert run(metadata, with_fov_1, fovs=[1])
    at_work.finish(Outcome(1, with_fov_1.results_paths[1]))
    deadline = time.monotonic() + 20
    while list(read_results(tmp_path).fovs) != [1, 2] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(read_results(tmp_path).fovs) == [1, 2]
    at_work.close("interrupted")
    assert list(read_results(tmp_path).fovs) == [1, 2]


class CountingIndex:
    """An index that takes some time to write."""

    def __init__(self, seconds: float) -> None:
        self.n_writes = 0
        self._seconds = seconds

    def write(self) -> None:
        self.n_writes += 1
        time.sleep(self._seconds)


class SomeFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def touch(self) -> None:
        pass


@pytest.mark.parametrize(("seconds", "most"), [(0.0, 4), (0.1, 2)])
def test_the_index_is_written_at_most_once_a_second_and_less_where_that_takes_long(
    tmp_path: Path, seconds: float, most: int
) -> None:
    index = CountingIndex(seconds)
    writer = IndexWriter(index, SomeFile(tmp_path / "run"), tmp_path / ".lock")  # type: ignore[arg-type]
    for _ in range(400):
        writer.mark_changed()
        time.sleep(0.005)
    writer.stop()
    assert 1 <= index.n_writes <= most
    assert threading.active_count() < 50


def test_an_index_that_cannot_be_written_ends_the_run(
    metadata: MicroscopyMetadata, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = []

    def fail(index: object) -> None:
        writes.append(index)
        if len(writes) > 1:
            raise OSError(28, "No space left on device", str(tmp_path / "index"))

    monkeypatch.setattr(folder_index, "write_results", fail)
    with pytest.raises(OSError, match="No space left on device"):
        run(metadata, context_for(tmp_path), fovs=[0, 1])
    assert not list(tmp_path.rglob(".lock"))
