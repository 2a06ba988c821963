"""Scripts without a guard, dying workers, killed runs, Ctrl-C: with real processes."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from pyama_core.io import open_microscopy
from pyama_core.io.results import read_results
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.provenance import statuses
from pyama_core.processing.workflow.run_records import read_runs
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from tests.pages import blocks, file_name
from tests.scenes import write_scene

needs_signals = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


def run_script(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(textwrap.dedent(code))
    return subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=folder)


def test_the_specifications_examples_run_as_a_script_without_a_guard(
    small_nd2: Path, tmp_path: Path
) -> None:
    done = run_script(
        tmp_path,
        f"""
        from pyama_core.io import MicroscopyMetadata
        from pyama_core.processing.workflow.pipeline import run_complete_workflow
        from pyama_core.processing.workflow.services.types import ProcessingContext, Channels
        from pathlib import Path

        print("script runs")
        metadata = MicroscopyMetadata(
            file_path=Path({str(small_nd2)!r}),
            base_name="experiment1", n_fovs=3, n_frames=4, height=96, width=96,
        )
        context = ProcessingContext(
            output_dir=Path("output/experiment1"),
            channels=Channels(pc=0, fl=[1]),
            params={{"segmentation_threshold": 0.5}},
        )
        print(run_complete_workflow(
            metadata=metadata, context=context, fov_start=0, fov_end=1, batch_size=2, n_workers=2,
        ))
        context = ProcessingContext(
            output_dir=Path("output/custom_config"),
            channels=Channels(pc=0, fl=[1]),
            params={{
                "segmentation": {{"method": "log_std", "threshold": 0.3, "min_size": 50}},
                "tracking": {{"max_distance": 20, "linking_threshold": 0.8}},
                "correction": {{"temporal_window": 5, "spatial_window": 15}},
            }},
        )
        print(run_complete_workflow(metadata, context))
        """,
    )
    assert done.stdout.split("\n")[:3] == ["script runs", "True", "True"], done.stderr
    assert len(list((tmp_path / "output").rglob("*traces_ch_1.csv"))) == 5


def documented_step(small_nd2: Path) -> str:
    """The step and the script of the documentation's page on custom steps, in one file."""
    module, script = (
        text for language, text in blocks("custom-steps.md") if file_name(text) is not None
    )
    script = script.replace("from my_steps import SpreadService\n", "")
    return (module + script).replace('"experiment.nd2"', repr(str(small_nd2)))


def test_the_documented_step_takes_part_with_parameters_outputs_and_resume(
    small_nd2: Path, tmp_path: Path
) -> None:
    script = documented_step(small_nd2)
    report = "progress=lambda event: print(event['step']), services="
    script = script.replace("services=", report)
    for percent, runs in (("80", True), ("80", False), ("70", True)):
        done = run_script(tmp_path, script.replace("80", percent))
        assert done.stdout.endswith("done\n"), done.stderr
        assert ("spread" in done.stdout) == runs
        assert "segmentation" not in done.stdout or percent == "80"
        written = (tmp_path / "out/fov_001/small_fov_001_spread.csv").read_text()
        assert written.startswith(f"percentile {percent}.0")


class KillsItsWorker(BaseProcessingService):
    name = "killer"

    def process_fov(self, metadata, context, output_dir, fov):  # type: ignore[no-untyped-def]
        if fov == 1:
            (output_dir / "fov_001" / ".partial-output").touch()
            os.kill(os.getpid(), signal.SIGKILL)


@needs_signals
def test_a_worker_that_is_killed_costs_only_its_own_fov(small_nd2: Path, tmp_path: Path) -> None:
    with open_microscopy(small_nd2) as source:
        metadata = source.metadata
    context = ProcessingContext(tmp_path, Channels(pc=0, fl=[1]))
    assert not run_complete_workflow(metadata, context, services=[KillsItsWorker()])
    assert [bool(context.results_paths[fov].traces_csv) for fov in (0, 2)] == [True, True]
    assert not list(tmp_path.rglob(".partial-*"))
    assert "died 2 times" in read_runs(tmp_path)[-1]["failures"]["1"]
    assert "killer: The worker processing FOV 1 died" in statuses(tmp_path)[1].error
    assert not run_complete_workflow(metadata, context, fovs=[1], services=[KillsItsWorker()])
    assert run_complete_workflow(metadata, context, fovs=[0])
    failures = read_results(tmp_path).extra["failures"]
    assert list(failures) == ["1"]


@pytest.fixture
def two_fovs(small_nd2: Path, tmp_path: Path) -> Path:
    """An output folder with FOVs 0 and 1 done, the second one out of sight."""
    with open_microscopy(small_nd2) as source:
        metadata = source.metadata
    context = ProcessingContext(tmp_path / "out", Channels(pc=0, fl=[1]))
    with ThreadPoolExecutor(2) as executor:
        run_complete_workflow(metadata, context, fovs=[0, 1], executor=executor)
    (tmp_path / "out/fov_001").rename(tmp_path / "hidden")
    for name in ("processing_results.yaml", "traces.csv"):
        (tmp_path / "out" / name).unlink()
    shutil.rmtree(tmp_path / "out" / "runs")
    return tmp_path / "out"


ENDING_RUN = """
import sys, time
from pathlib import Path
from pyama_core.io import open_microscopy
from pyama_core.processing.workflow import index
from pyama_core.processing.workflow.execution.worker import Outcome
from pyama_core.processing.workflow.planning import prepare_run
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext

def wait_for(name, seconds):
    deadline = time.monotonic() + seconds
    while not Path(name).exists() and time.monotonic() < deadline:
        time.sleep(0.01)

fov = int(sys.argv[2])
with open_microscopy(sys.argv[1]) as source:
    metadata = source.metadata
context = ProcessingContext(Path("out"), Channels(pc=0, fl=[1]))
keeper = index.ResultsKeeper(prepare_run(metadata, context, [fov]), "all")
"""
SLOW_TO_WRITE = """
write = index.write_results

def write_late(results):
    Path("looked").touch()
    wait_for("closed", 1)
    write(results)

index.write_results = write_late
wait_for("ready", 60)
keeper.close("done")
"""
QUICK_TO_WRITE = """
Path("ready").touch()
wait_for("looked", 60)
Path("hidden").rename("out/fov_001")
keeper.finish(Outcome(1, context.paths(1)))
keeper.close("done")
Path("closed").touch()
"""


def test_of_two_runs_that_end_together_the_last_one_lists_the_results_of_both(
    small_nd2: Path, two_fovs: Path
) -> None:
    """The first one has looked for results when the second one finishes its FOV and ends."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", ENDING_RUN + end, str(small_nd2), str(fov)], cwd=two_fovs.parent
        )
        for fov, end in enumerate((SLOW_TO_WRITE, QUICK_TO_WRITE))
    ]
    assert [run.wait(timeout=120) for run in runs] == [0, 0]
    assert list(read_results(two_fovs).fovs) == [0, 1]
    table = (two_fovs / "traces.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0] for row in table} == {"0", "1"}
    assert len(read_runs(two_fovs)) == 2
    assert not list(two_fovs.glob(".lock*"))


@pytest.fixture(scope="module")
def long_nd2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nd2") / "long.nd2"
    write_scene(path, n_fovs=4, n_frames=60, size=256)
    return path


def start_run(file: Path, output: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pyama_core.cli", "run", str(file), "-o", str(output)]
    return subprocess.Popen(
        [*command, "--pc", "0", "--fl", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_first_output(output: Path) -> None:
    deadline = time.monotonic() + 60
    while not list(output.glob("fov_*/*_seg_ch_0.npy")) and time.monotonic() < deadline:
        time.sleep(0.02)


def finish(file: Path, output: Path) -> None:
    again = start_run(file, output)
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert "4 of 4 done" in out
    assert not list(output.rglob(".partial-*"))


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_in_order_and_the_same_command_goes_on(
    long_nd2: Path, tmp_path: Path, number: signal.Signals
) -> None:
    run = start_run(long_nd2, tmp_path)
    wait_for_first_output(tmp_path)
    family = psutil.Process(run.pid).children(recursive=True)
    started = time.monotonic()
    os.killpg(run.pid, number)
    _, err = run.communicate(timeout=60)
    assert time.monotonic() - started < 6
    assert run.returncode == 130
    assert "run it again, and it continues from there" in err
    assert "Traceback" not in err
    psutil.wait_procs(family, timeout=5)
    assert not [process for process in family if process.is_running()]
    assert not list(tmp_path.rglob(".partial-*"))
    finish(long_nd2, tmp_path)


@needs_signals
@pytest.mark.parametrize("seconds", [0.3, 1.5])
def test_ctrl_c_at_the_start_leaves_no_traceback(
    long_nd2: Path, tmp_path: Path, seconds: float
) -> None:
    run = start_run(long_nd2, tmp_path)
    time.sleep(seconds)
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in err


@needs_signals
def test_interrupts_are_kept_from_the_first_children_too(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import signal
        from multiprocessing import resource_tracker
        from pyama_core.processing.workflow.execution.worker import interrupts_kept_from_children

        with interrupts_kept_from_children():
            resource_tracker.ensure_running()
            print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        """,
    )
    assert done.stdout == "True\n", done.stderr


def test_a_worker_whose_parent_died_while_it_started_ends(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    done = run_script(
        tmp_path,
        f"""
        import time
        from pyama_core.processing.workflow.execution.worker import become_worker

        become_worker({dead.pid})
        time.sleep(60)
        print("still here")
        """,
    )
    assert done.returncode == 1
    assert done.stdout == ""


@needs_signals
def test_a_killed_run_is_taken_up_where_it_was(long_nd2: Path, tmp_path: Path) -> None:
    run = start_run(long_nd2, tmp_path)
    wait_for_first_output(tmp_path)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=60)
    finish(long_nd2, tmp_path)
