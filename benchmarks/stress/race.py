"""``race``: tasks of an array job run into one folder at the same time, some of them are killed."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.stress import children
from benchmarks.stress.cases import Case, Outcome
from benchmarks.stress.children import Child, Ended
from benchmarks.stress.experiment import (
    SECONDS_PER_RUN,
    Experiment,
    command,
    differences,
    leftovers,
    make_experiment,
)

N_TASKS: Final = 8
_N_ROUNDS: Final = 20
_KILLED_SHARE: Final = 0.3
_LONGEST_SECONDS: Final = 2.0
"""By then most tasks are through; a task is killed at any moment before."""
_POLL_SECONDS: Final = 0.005
_VOLATILE: Final = ("overview.png is missing", "overview.png differs")
"""Each task draws one FOV of its own."""
_PROCESSES_EVERY: Final = 4
"""One round of so many runs with worker processes; threads start sooner and meet more often."""


class Race:
    """Rounds of tasks, one FOV each."""

    def __init__(self, folder: Path) -> None:
        self._experiment: Experiment = make_experiment(folder / "experiment", N_TASKS)

    def default_n(self) -> int:
        """Return the number of rounds."""
        return _N_ROUNDS

    def always(self) -> list[int]:
        """Return no cases: no round matters more than the others."""
        return []

    def run(self, case: Case, folder: Path) -> Outcome:
        """Run all tasks, submit the killed ones again, compare with one run of all FOVs."""
        rng = case.rng()
        in_threads = case.number % _PROCESSES_EVERY != _PROCESSES_EVERY - 1
        n_killed = int((rng.random(N_TASKS) < _KILLED_SHARE).sum())
        times = dict(
            zip(
                rng.permutation(N_TASKS)[:n_killed].tolist(),
                rng.uniform(0, _LONGEST_SECONDS, n_killed).tolist(),
                strict=True,
            )
        )
        group = "tasks in threads" if in_threads else "tasks with worker processes"
        killed = ", ".join(f"task {fov} after {at:.2f} s" for fov, at in sorted(times.items()))
        about = f"{N_TASKS} {group}; killed: {killed or 'none'}"
        problems, said = self._rounds(folder, times, in_threads)
        failed = bool(problems)
        kind = problems[0].partition(":")[0] if failed else "as after one run"
        return Outcome(kind, about, failed, "\n".join([*problems, said]), group)

    def _rounds(
        self, folder: Path, times: dict[int, float], in_threads: bool
    ) -> tuple[list[str], str]:
        out = folder / "out"
        first = self._together(out, folder / "first", range(N_TASKS), times, in_threads)
        again = [fov for fov, ended in first.items() if ended.code == -signal.SIGKILL]
        second = self._together(out, folder / "second", again, {}, in_threads)
        everyone = [*((fov, e) for fov, e in first.items() if fov not in again), *second.items()]
        problems = [problem for fov, ended in everyone if (problem := _wrong(fov, ended))]
        wrong = differences(self._experiment.reference, out)
        problems += [line for line in wrong if line not in _VOLATILE]
        problems += leftovers(out)
        said = "\n".join(f"task {fov}: {ended.text}" for fov, ended in everyone)
        return problems, said

    def _together(
        self,
        out: Path,
        words: Path,
        fovs: Iterator[int] | range | list[int],
        times: dict[int, float],
        in_threads: bool,
    ) -> dict[int, Ended]:
        """Run tasks at the same time, killing some; wait until all have ended."""
        started = time.monotonic()
        under_way: dict[int, Child] = {}
        for fov in fovs:
            arguments = self._experiment.run(out, "--fovs", str(fov))
            task = command(arguments, in_threads=in_threads)
            under_way[fov] = children.start(task, words / str(fov), seconds=SECONDS_PER_RUN)
        ended: dict[int, Ended] = {}
        while under_way:
            for fov, child in list(under_way.items()):
                if times.get(fov, float("inf")) < time.monotonic() - started:
                    os.kill(child.pid, signal.SIGKILL)
                if (end := child.poll()) is not None:
                    child.end_family()
                    ended[fov] = end
                    del under_way[fov]
            time.sleep(_POLL_SECONDS)
        return ended


def _wrong(fov: int, ended: Ended) -> str:
    if ended.code == 0 and ended.kind == "result":
        return ""
    return f"a task that was not killed failed: task {fov}, exit {ended.code}, {ended.kind}"
