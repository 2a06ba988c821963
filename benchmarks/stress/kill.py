"""``kill``: a run, a merge or the saving of marks is killed at a chosen operation, then resumed."""

import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Final, Literal

import numpy as np

from benchmarks.stress import children
from benchmarks.stress.cases import Case, Outcome
from benchmarks.stress.children import Ended
from benchmarks.stress.experiment import (
    SECONDS_PER_RUN,
    command,
    differences,
    leftovers,
    make_experiment,
)
from benchmarks.stress.marks import OLD_MARKS, check_marks, check_old_or_new, save_some_marks
from benchmarks.stress.triggers import Place, Target, Trigger, arm_run

Task = Literal["run", "merge", "marks"]

_SIGNALS: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_TARGETS: Final[tuple[Target, ...]] = ("run", "worker", "group")
_SECONDS_FOR_ORPHANS: Final = 15.0
_WORKERS: Final = 2
_STEPS: Final = {
    "locks": r"\.lock",
    "status": r"status\.json",
    "index": r"processing_results|entry",
    "recipe": r"recipe",
    "run log": r"run_log|runs/",
    "overview": r"overview",
    "merged tables": r"^(partial )?[AB]_",
    "marks": r"_inspected",
    "copy": r"_(pc|fl)_ch",
    "segmentation": r"_seg(_instances)?_ch",
    "correction": r"_fl_corrected|_background",
    "tracking": r"_seg_labeled|_lineage",
    "extraction": r"_traces_ch",
    "table": r"traces\.csv",
}
"""Which files each step writes."""
_STOPPED_IN_ORDER: Final = "The run was cancelled"
_WELL: Final = "byte-identical after resuming"


@dataclass(frozen=True)
class Point:
    """Where something is killed."""

    task: Task
    place: Place
    times: int
    """How often it is come to."""

    @property
    def group(self) -> str:
        """The step of which task."""
        step = next((s for s, part in _STEPS.items() if re.search(part, self.place.file)), "folder")
        return f"{self.task}: {step}"


class Kill:
    """Kills at every operation in turn, file after file."""

    def __init__(self, folder: Path) -> None:
        self._experiment = make_experiment(folder / "experiment")
        self._merged = self._prepared("merge", folder / "merged")
        self._marked = self._prepared("marks", folder / "marked")
        tasks: tuple[Task, ...] = ("run", "merge", "marks")
        self._points = [point for task in tasks for point in self._recorded(task, folder)]

    def default_n(self) -> int:
        """Return the number of points, each of which is taken once."""
        return len(self._points)

    def always(self) -> list[int]:
        """Return no cases: no point matters more than the others."""
        return []

    def run(self, case: Case, folder: Path) -> Outcome:
        """Kill at one point, resume, compare."""
        rng = case.rng()
        point = _file_after_file(self._points, case.seed)[case.number % len(self._points)]
        is_run = point.task == "run"
        number = _SIGNALS[int(rng.integers(2 if point.task == "marks" else 3))]
        target: Target = _TARGETS[int(rng.integers(3))] if is_run else "run"
        trigger = Trigger(
            folder=str(folder / "out"),
            notes=str(folder / "fired"),
            place=point.place,
            nth=int(rng.integers(1, min(point.times, 3) + 1)),
            number=number,
            target=target,
        )
        at_once = bool(rng.integers(2))
        about = f"{number.name} of {target} at {point.task}: {point.place} ({trigger.nth})"
        about += ", resumed at once" if at_once else ""
        kind, detail = self._killed_and_resumed(point.task, trigger, folder, at_once)
        failed = kind not in (_WELL, "not reached")
        return Outcome(kind, about, failed, detail, point.group)

    def _killed_and_resumed(
        self, task: Task, trigger: Trigger, folder: Path, at_once: bool
    ) -> tuple[str, str]:
        out = folder / "out"
        self._begin(task, out)
        child = children.start(
            _armed(self._task(task, out), trigger), folder / "killed", seconds=SECONDS_PER_RUN
        )
        killed = child.wait()
        problem = _wrong_end(killed, trigger)
        if not at_once:
            problem = problem or _wait_for_orphans(child)
            if not problem and _STOPPED_IN_ORDER in killed.err:
                problem = "\n".join(leftovers(out))
        if task == "marks":
            problem = problem or "\n".join(check_old_or_new(out))
        resumed = children.run(self._task(task, out), folder / "resumed", seconds=SECONDS_PER_RUN)
        problem = problem or _wait_for_orphans(child)
        child.end_family()
        said = f"killed: {killed.text}\nresumed: {resumed.text}"
        if problem:
            return _first_words(problem), f"{problem}\n{said}"
        if resumed.code != 0 or resumed.kind != "result":
            return "not resumed", said
        wrong = self._wrong(task, out, folder)
        if wrong:
            return _first_words(wrong[0]), "\n".join([*wrong, said])
        return (_WELL if trigger.has_fired() else "not reached"), said

    def _task(self, task: Task, out: Path) -> Callable[[], int]:
        if task == "run":
            arguments = self._experiment.run(out, workers=_WORKERS)
            return command(arguments, in_threads=False)
        if task == "merge":
            return command(self._experiment.merge(out))
        return lambda: save_some_marks(out)

    def _begin(self, task: Task, out: Path) -> None:
        if task != "run":
            self._experiment.copy_of_results(out)
        if task == "marks":
            save_some_marks(out, OLD_MARKS)

    def _prepared(self, task: Task, out: Path) -> Path:
        self._begin(task, out)
        children.run(self._task(task, out), out.with_name(f"{out.name}-making"), seconds=60)
        return out

    def _recorded(self, task: Task, folder: Path) -> list[Point]:
        """Do the task once, writing down each operation."""
        out = folder / f"{task}-recorded"
        trigger = Trigger(str(out), str(folder / f"{task}-places"))
        self._begin(task, out)
        ended = children.run(
            _armed(self._task(task, out), trigger), folder / "recording", seconds=SECONDS_PER_RUN
        )
        if ended.code != 0:
            raise RuntimeError(f"The undisturbed {task} failed:\n{ended.text}")
        return [Point(task, place, times) for place, times in trigger.places().items()]

    def _wrong(self, task: Task, out: Path, folder: Path) -> list[str]:
        """Say what is not as after an undisturbed run."""
        reference = {
            "run": self._experiment.reference,
            "merge": self._merged,
            "marks": self._marked,
        }[task]
        wrong = differences(reference, out)
        if task == "marks":
            wrong += check_marks(out)
        if task != "run":
            tidied = children.run(
                command(self._experiment.run(out)), folder / "tidied", seconds=SECONDS_PER_RUN
            )
            wrong += [] if tidied.code == 0 else [f"not run afterwards: {tidied.text}"]
        return wrong + leftovers(out)


def _armed(task: Callable[[], int], trigger: Trigger) -> Callable[[], int]:
    def armed() -> int:
        arm_run(trigger)
        return task()

    return armed


def _file_after_file(points: list[Point], seed: int) -> list[Point]:
    """Order points by chance, but so that any number of the first ones is spread over all files."""
    groups: dict[tuple[str, str], list[Point]] = {}
    ordered = sorted(points, key=lambda point: (point.task, str(point.place)))
    for at in np.random.default_rng(seed).permutation(len(points)).tolist():
        point = ordered[at]
        groups.setdefault((point.task, point.place.file), []).append(point)
    rounds = chain.from_iterable(zip_longest(*groups.values()))
    return [point for point in rounds if point is not None]


def _wrong_end(killed: Ended, trigger: Trigger) -> str:
    """Say what was wrong with how it ended; empty where nothing was."""
    if killed.kind in ("hang", "traceback", "warning"):
        return killed.kind
    if trigger.target == "worker" and killed.code != 0:
        return f"a lost worker ended the run with {killed.code}"
    stopped = {0, 130, -int(trigger.number)}
    return "" if killed.code in stopped else f"the run ended with {killed.code}"


def _wait_for_orphans(child: children.Child) -> str:
    deadline = time.monotonic() + _SECONDS_FOR_ORPHANS
    while family := child.family():
        if time.monotonic() > deadline:
            return f"process left: {[process.cmdline() for process in family]}"
        time.sleep(0.05)
    return ""


def _first_words(sentence: str) -> str:
    """Return what failures are counted as: without names of files and numbers."""
    if sentence.endswith(" is left"):
        return "leftovers"
    for kind in ("differs", "is missing", "should not be there"):
        if sentence.endswith(kind):
            return "not identical"
    return sentence.partition(":")[0].partition("\n")[0]
