"""What a run waits for is said, and waiting has an end: with real processes and threads."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from pyama_core.errors import InputError, LostError
from pyama_core.io import ArraySource, MicroscopyMetadata
from pyama_core.processing.workflow.execution import scheduler as schedule
from pyama_core.processing.workflow.execution import watch
from pyama_core.processing.workflow.execution.progress import this_place
from pyama_core.processing.workflow.execution.watch import Watch, what_holds_up
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.provenance import statuses
from pyama_core.processing.workflow.services.base import BaseProcessingService, ProgressEvent
from tests.runs import N_FOVS, N_FRAMES, SIZE, context_for
from tests.scenes import scene_frame

needs_signals = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
SECONDS_TO_SAY = 0.3
TIMEOUT = 5
"""Far more than a FOV of the small movie takes, with all that a new worker has to load."""


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the user hear of silence after a moment."""
    monkeypatch.setattr(watch, "SECONDS_TO_SAY", SECONDS_TO_SAY)
    monkeypatch.setattr(watch, "_SECONDS_BETWEEN_LOOKS", 0.05)


class StopsItsWorker(BaseProcessingService):
    """Stops the process that works on FOV 1; says before in a file which one that is."""

    name = "stopper"
    after = "copy"

    def process_fov(self, metadata, context, output_dir, fov):  # type: ignore[no-untyped-def]
        if fov == 1:
            (output_dir / "pid").write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGSTOP)


class Sleeps(BaseProcessingService):
    """Sleeps in FOV 1 without a word, or with one at every turn."""

    name = "sleeper"
    after = "copy"

    def __init__(self, seconds: float, *, fovs: tuple[int, ...] = (1,), talks: bool = True) -> None:
        super().__init__()
        self._seconds, self._fovs, self._talks = seconds, fovs, talks

    def process_fov(self, metadata, context, output_dir, fov):  # type: ignore[no-untyped-def]
        end = time.monotonic() + self._seconds
        while fov in self._fovs and time.monotonic() < end:
            time.sleep(0.02)
            if self._talks:
                self.progress_callback(fov, 0, 10, "sleeping")


def assert_only_fov_1_failed(folder: Path, words: str) -> None:
    assert {fov: bool(status.error) for fov, status in statuses(folder).items()} == {
        0: False,
        1: True,
        2: False,
    }
    assert words in statuses(folder)[1].error
    assert not list(folder.rglob(".lock"))
    assert not list(folder.rglob(".partial-*"))


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@needs_signals
def test_a_stopped_worker_is_named_then_ended_and_the_others_continue(
    metadata: MicroscopyMetadata, tmp_path: Path, soon: None
) -> None:
    events: list[Any] = []
    context = context_for(tmp_path)
    service = StopsItsWorker()
    assert not run_complete_workflow(
        metadata, context, services=[service], progress=events.append, timeout=TIMEOUT
    )
    pid = int((tmp_path / "pid").read_text())
    said = [event for event in events if "is stopped" in event["message"]]
    assert {(event["fov"], event["step"]) for event in said} == {(1, "stopper")}
    assert f"process {pid}, is stopped: `kill -CONT {pid}` continues it" in said[0]["message"]
    assert is_gone(pid)
    assert_only_fov_1_failed(tmp_path, "stopper: FOV 1 took more than 5 s of work")
    assert run_complete_workflow(metadata, context)


@needs_signals
def test_a_worker_that_is_stopped_for_long_is_given_up_without_a_limit(
    metadata: MicroscopyMetadata,
    tmp_path: Path,
    soon: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schedule, "SECONDS_TO_GIVE_UP", 1.0)
    assert not run_complete_workflow(metadata, context_for(tmp_path), services=[StopsItsWorker()])
    assert_only_fov_1_failed(tmp_path, "FOV 1 was given up: its worker had been stopped")


@needs_signals
def test_a_worker_that_works_again_is_left_to_work(
    metadata: MicroscopyMetadata, tmp_path: Path, soon: None
) -> None:
    def wake(event: ProgressEvent) -> None:
        if "is stopped" in event["message"]:
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGCONT)

    assert run_complete_workflow(
        metadata, context_for(tmp_path), services=[StopsItsWorker()], progress=wake
    )


def test_a_slow_step_in_a_thread_stops_where_it_next_reports(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(2) as executor:
        assert not run_complete_workflow(
            metadata,
            context_for(tmp_path),
            services=[Sleeps(60)],
            executor=executor,
            timeout=TIMEOUT,
        )
    assert time.monotonic() - started < 30
    assert_only_fov_1_failed(tmp_path, "its worker could not be ended and may still be at work")


class Stuck(ArraySource):
    """Frames on a disk that does not answer for FOV 1."""

    release: threading.Event

    def read_channels(self, fov: int, *given: Any, **options: Any) -> Any:
        if fov == 1 and threading.current_thread() is not threading.main_thread():
            self.release.wait(60)
        return super().read_channels(fov, *given, **options)


def test_a_source_that_does_not_answer_keeps_up_its_own_fov_only(tmp_path: Path) -> None:
    frames = np.stack(
        [[scene_frame(fov, t, SIZE) for t in range(N_FRAMES)] for fov in range(N_FOVS)]
    )
    source = Stuck(frames, axes="PTCYX", channels=["Phase", "GFP"], name="array")
    source.release = threading.Event()
    try:
        assert not run_complete_workflow(
            source.metadata, context_for(tmp_path), source=source, timeout=TIMEOUT
        )
    finally:
        source.release.set()
    assert "copy: FOV 1 took more than 5 s" in statuses(tmp_path)[1].error
    assert [bool(statuses(tmp_path)[fov].error) for fov in (0, 2)] == [False, False]


class Ends(BaseProcessingService):
    name = "ends"
    after = "copy"

    def process_fov(self, metadata, context, output_dir, fov):  # type: ignore[no-untyped-def]
        os._exit(3)


def test_a_broken_executor_ends_the_run_and_gives_back_the_locks(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    with (
        ProcessPoolExecutor(1) as executor,
        pytest.raises(LostError, match=r"executor lost a worker.* 0 of 3 FOVs are done; run it"),
    ):
        run_complete_workflow(metadata, context_for(tmp_path), services=[Ends()], executor=executor)
    assert not list(tmp_path.rglob(".lock"))


def test_an_executor_that_was_closed_is_refused(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(LostError, match="takes no more work"):
        run_complete_workflow(metadata, context_for(tmp_path), executor=executor)
    assert not list(tmp_path.rglob(".lock"))


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "3", True, [1]])
def test_a_limit_that_is_none_is_refused(
    metadata: MicroscopyMetadata, tmp_path: Path, timeout: Any
) -> None:
    with pytest.raises(InputError, match=r"timeout is .*: it must be a number of seconds above 0"):
        run_complete_workflow(metadata, context_for(tmp_path / "out"), timeout=timeout)
    assert not (tmp_path / "out").exists()


class Heard:
    """Events of a watch, as they come."""

    def __init__(self) -> None:
        self.events: list[ProgressEvent] = []

    def __call__(self, event: ProgressEvent) -> None:
        self.events.append(event)

    def wait_for(self, n: int) -> list[ProgressEvent]:
        deadline = time.monotonic() + 10
        while len(self.events) < n and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.events


def test_only_silent_work_is_reported_and_ever_more_rarely(soon: None) -> None:
    heard = Heard()
    with Watch(heard) as at:
        at.begin(0, "copy", 9)
        at.begin(1, "copy", 9)
        at.started(1, "copy", this_place())
        at.heard(ProgressEvent(step="copy", fov=1, t=4, T=9, message="copying frames"))
        events = heard.wait_for(3)
        at.end(1)
    assert {(event["fov"], event["t"], event["T"]) for event in events} == {(1, 4, 9)}
    seconds = [float(event["message"].split()[3]) for event in events]
    assert seconds == sorted(seconds)


def test_word_of_an_earlier_job_is_no_sign_that_the_next_one_has_begun() -> None:
    at = Watch(Heard())
    at.begin(0, "segmentation", 9)
    at.started(0, "copy", this_place())
    at.heard(ProgressEvent(step="copy", fov=0, t=8, T=9, message="copying frames"))
    assert at.place(0) is None
    at.started(0, "segmentation", this_place())
    assert at.place(0) == this_place()


def test_a_file_that_keeps_the_run_waiting_is_named(soon: None) -> None:
    heard = Heard()
    with Watch(heard) as at, at.doing("experiment.nd2 and out"):
        (event,) = heard.wait_for(1)[:1]
    assert (event["step"], event["fov"]) == ("waiting", -1)
    assert "waiting for experiment.nd2 and out" in event["message"]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


@needs_signals
def test_a_process_is_known_to_be_stopped(process: subprocess.Popen[bytes]) -> None:
    place = type(this_place())(this_place().host, process.pid)
    assert what_holds_up(place) == ""
    process.send_signal(signal.SIGSTOP)
    until(lambda: what_holds_up(place).startswith("is stopped"))
    elsewhere = type(place)("another-machine", process.pid)
    assert what_holds_up(elsewhere) == ""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
