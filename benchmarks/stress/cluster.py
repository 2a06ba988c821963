"""``cluster``: a run on a dask cluster of separate commands loses workers or the scheduler."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.stress import children
from benchmarks.stress.cases import Case, Outcome
from benchmarks.stress.children import Child
from benchmarks.stress.experiment import (
    SECONDS_PER_RUN,
    command,
    differences,
    leftovers,
    make_experiment,
)

LOSSES: Final = (
    "cancel",
    "one worker lost",
    "all workers lost",
    "scheduler lost",
    "one worker stopped",
    "nothing lost",
)
_N_FOVS: Final = 8
_N_WORKERS: Final = 2
_SECONDS_TO_START: Final = 60.0
_SECONDS_TO_END: Final = 180.0
"""Within so many seconds a run on a lost cluster has to end."""
_SECONDS_TO_CANCEL: Final = 30.0
_SECONDS_WITHOUT_WORKERS: Final = 40.0
"""Long enough for it to be said what is waited for."""
_POLL_SECONDS: Final = 0.02
_REASONS: Final = ("scheduler", "workers", "cluster", "lost")
_TIMEOUT: Final = "15"
"""Seconds of work on a FOV after which one on a stopped worker is given up."""
_INTERRUPTED: Final = 130
_WELL: Final = "ended in order, byte-identical after resuming"


@dataclass
class _Cluster:
    """A scheduler and workers, each a command of its own."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


class Cluster:
    """Takes the losses in turn, each at a moment that the seed decides."""

    def __init__(self, folder: Path) -> None:
        self._experiment = make_experiment(folder / "experiment", _N_FOVS)

    def default_n(self) -> int:
        """Return how many cases are run: each loss twice."""
        return 2 * len(LOSSES)

    def always(self) -> list[int]:
        """Return no cases: no loss matters more than the others."""
        return []

    def run(self, case: Case, folder: Path) -> Outcome:
        """Run on a cluster, take something away, resume without the cluster."""
        rng = case.rng()
        loss = LOSSES[case.number % len(LOSSES)]
        n_before, delay = int(rng.integers(1, _N_FOVS // 2)), float(rng.uniform(0, 0.3))
        about = f"{loss} {delay:.2f} s after {n_before} segmentations"
        out = folder / "out"
        problems: list[str] = []
        stops = loss == "one worker stopped"
        with _cluster(folder / "cluster", with_nannies=stops) as cluster:
            limit = ["--timeout", _TIMEOUT] if stops else []
            arguments = self._experiment.run(out, "--scheduler", cluster.address, *limit)
            task = _impatient(command(arguments, in_threads=False))
            child = children.start(task, folder / "said", seconds=_SECONDS_TO_END)
            _wait_for(out, n_before, child)
            time.sleep(delay)
            started = time.monotonic()
            _take_away(loss, cluster, child)
            ended = child.wait()
            seconds = time.monotonic() - started
        problems += _wrong_end(loss, ended, seconds)
        problems += [] if ended.code == 0 else _locks(out)
        task = command(self._experiment.run(out))
        resumed = children.run(task, folder / "resumed", seconds=SECONDS_PER_RUN)
        if resumed.code != 0:
            problems.append("not resumed")
        problems += [*differences(self._experiment.reference, out), *leftovers(out)]
        said = f"ended after {seconds:.1f} s: {ended.text}\nresumed: {resumed.text}"
        kind = problems[0] if problems else _WELL
        return Outcome(kind, about, bool(problems), "\n".join([*problems, said]), loss)


def _impatient(task: Callable[[], int]) -> Callable[[], int]:
    """Have a run wait for lost workers only for a while that a bench can wait for, too."""

    def run() -> int:
        from pyama_core.processing.workflow.execution import cluster

        cluster.SECONDS_TO_GIVE_UP_WORKERS = _SECONDS_WITHOUT_WORKERS  # type: ignore[misc]
        return task()

    return run


@contextmanager
def _cluster(folder: Path, *, with_nannies: bool) -> Iterator[_Cluster]:
    """Start scheduler and workers as commands; end what is left of them.

    Nannies start workers again, also those that are to be lost.
    """
    folder.mkdir()
    file = folder / "scheduler.json"
    started: list[subprocess.Popen[bytes]] = []
    try:
        where = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
        started.append(_start("dask_scheduler", folder, [*where, "--scheduler-file", str(file)]))
        _wait_for_file(file)
        for number in range(_N_WORKERS):
            options = ["--nthreads", "1", "--nworkers", "1", "--no-dashboard"]
            options += [] if with_nannies else ["--no-nanny"]
            place = ["--local-directory", str(folder / f"worker{number}")]
            known = ["--scheduler-file", str(file), "--death-timeout", "60"]
            started.append(_start("dask_worker", folder, [*known, *options, *place]))
        address = json.loads(file.read_text())["address"]
        yield _Cluster(address, started[0], started[1:])
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _start(module: str, folder: Path, options: list[str]) -> subprocess.Popen[bytes]:
    with (folder / f"{module}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *options],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while not path.exists() or not path.stat().st_size:
        if time.monotonic() > deadline:
            raise RuntimeError(f"The scheduler did not write {path}.")
        time.sleep(_POLL_SECONDS)


def _wait_for(out: Path, n: int, child: Child) -> None:
    """Wait until so many FOVs are segmented, or the run is over."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while len(list(out.glob("fov_*/*_seg_ch_0.npy"))) < n and time.monotonic() < deadline:
        if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(_POLL_SECONDS)


def _take_away(loss: str, cluster: _Cluster, child: Child) -> None:
    if loss == "scheduler lost":
        cluster.scheduler.kill()
    elif loss == "all workers lost":
        for worker in cluster.workers:
            worker.kill()
    elif loss == "one worker lost":
        cluster.workers[0].kill()
    elif loss == "one worker stopped":
        for process in psutil.Process(cluster.workers[0].pid).children():
            process.suspend()
    elif loss == "cancel":
        os.kill(child.pid, signal.SIGINT)


def _wrong_end(loss: str, ended: children.Ended, seconds: float) -> list[str]:
    """Say what was wrong with how the run ended."""
    if ended.kind in children.FAILURES:
        return [ended.kind]
    allowed = {"nothing lost": (0,), "one worker lost": (0,), "one worker stopped": (0, 1)}
    if loss in allowed:
        return [] if ended.code in allowed[loss] else [f"the run ended with {ended.code}"]
    if ended.code == 0:  # Nothing was left to do by then.
        return []
    if loss == "cancel":
        late = ["the run was slow to stop"] if seconds > _SECONDS_TO_CANCEL else []
        return late if ended.code == _INTERRUPTED else [f"the run ended with {ended.code}"]
    if loss == "all workers lost" and "waiting for workers" not in ended.err:
        return ["it was not said what was waited for"]
    error = ended.err.rpartition("Error: ")[2].lower()
    return [] if any(word in error for word in _REASONS) else ["no reason given"]


def _locks(out: Path) -> list[str]:
    return ["locks were not released" for _ in out.rglob(".lock*")][:1]
