"""``disk``: each operation of a run on its files fails in turn, as on a full or broken disk."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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
from benchmarks.stress.operations import Operation, watch

_ERRORS: Final = (errno.ENOSPC, errno.EIO, errno.EROFS)
_READING: Final = frozenset({"read"})
_GIVING_BACK: Final = frozenset({"remove", "remove folder", "truncate"})
"""What a full disk allows."""
_WELL: Final = "told, byte-identical after resuming"
_HARMLESS: Final = "done all the same, byte-identical"
_NOT_REACHED: Final = "not reached"
_USAGE: Final = 2


@dataclass(frozen=True)
class Fault:
    """Which operation fails how."""

    at: int
    number: int
    lasts: bool
    """Whether all later ones that the same disk would refuse fail, too."""

    def __str__(self) -> str:
        name = errno.errorcode[self.number]
        return f"{name} from operation {self.at} on" if self.lasts else f"{name} at {self.at}"


class Disk:
    """Counts the operations of an undisturbed run, then fails one after the other."""

    def __init__(self, folder: Path) -> None:
        self._experiment = make_experiment(folder / "experiment")
        out = folder / "counted"
        ended = children.run(
            _listing(out, command(self._experiment.run(out))),
            folder / "counting",
            seconds=SECONDS_PER_RUN,
        )
        if ended.code != 0:
            raise RuntimeError(f"The undisturbed run failed:\n{ended.text}")
        self.operations: list[Operation] = ended.value

    def default_n(self) -> int:
        """Return the number of operations, each of which fails once."""
        return len(self.operations)

    def always(self) -> list[int]:
        """Return no cases: no operation matters more than the others."""
        return []

    def run(self, case: Case, folder: Path) -> Outcome:
        """Fail at one operation, run again without the fault, compare."""
        fault = self._fault(case)
        operation = self.operations[fault.at]
        out, fired = folder / "out", folder / "fired"
        task = command(self._experiment.run(out))
        faulty = children.run(
            _failing(out, fired, fault, task), folder / "faulty", seconds=SECONDS_PER_RUN
        )
        problem = _wrong_end(faulty, fault) if fired.exists() else ""
        if not problem and faulty.code == 0:
            problem = self._not_told(out, faulty)
        resumed = children.run(task, folder / "resumed", seconds=SECONDS_PER_RUN)
        said = f"with the fault: {faulty.text}\nresumed: {resumed.text}"
        about = f"{fault}: {operation}"
        group = f"{errno.errorcode[fault.number]} at {operation.act}"
        if resumed.code != 0 or resumed.kind != "result":
            return Outcome("not resumed", about, True, f"{problem}\n{said}", group)
        wrong = [*differences(self._experiment.reference, out), *leftovers(out)]
        if problem or wrong:
            kind = problem.partition(":")[0] if problem else "not identical or left over"
            return Outcome(kind, about, True, "\n".join([problem, *wrong, said]), group)
        if not fired.exists():
            return Outcome(_NOT_REACHED, about, False, said, group)
        return Outcome(_WELL if faulty.code else _HARMLESS, about, False, said, group)

    def _not_told(self, out: Path, faulty: Ended) -> str:
        """Say what is missing after all seemed well; a picture may be, where that is said."""
        wrong = differences(self._experiment.reference, out)
        if wrong == ["overview.png is missing"] and "overview was not drawn" in faulty.text:
            return ""
        return "; ".join(wrong[:3])

    def _fault(self, case: Case) -> Fault:
        """Take the operations in turn, spread over the whole run whatever the number of cases."""
        rng = case.rng()
        order = case.__class__(case.part, case.seed, 0).rng().permutation(len(self.operations))
        at = int(order[case.number % len(order)])
        is_reading = self.operations[at].act in _READING
        number = errno.EIO if is_reading else _ERRORS[int(rng.integers(len(_ERRORS)))]
        return Fault(at, number, bool(rng.integers(2)) and not is_reading)


def _listing(out: Path, task: Callable[[], int]) -> Callable[[], list[Operation]]:
    """Return a task that lists the operations of another one."""

    def listed() -> list[Operation]:
        seen: list[Operation] = []
        watch(out, seen.append)
        if (code := _code_of(task)) != 0:
            raise RuntimeError(f"exit {code}")
        return seen

    return listed


def _failing(out: Path, fired: Path, fault: Fault, task: Callable[[], int]) -> Callable[[], int]:
    def failing() -> int:
        n_seen = 0

        def fail(operation: Operation) -> None:
            nonlocal n_seen
            n_seen += 1
            is_it = n_seen == fault.at + 1
            if is_it:
                fired.touch()
            if is_it or (fault.lasts and n_seen > fault.at and _is_refused(operation, fault)):
                raise OSError(fault.number, os.strerror(fault.number), operation.file)

        watch(out, fail)
        return task()

    return failing


def _is_refused(operation: Operation, fault: Fault) -> bool:
    """Whether a disk in this state refuses an operation."""
    if operation.act in _READING:
        return False
    return not (fault.number == errno.ENOSPC and operation.act in _GIVING_BACK)


def _code_of(task: Callable[[], int]) -> int:
    try:
        return task()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0


def _wrong_end(faulty: Ended, fault: Fault) -> str:
    """Say what was wrong with how the run took the fault; empty where nothing was."""
    if faulty.kind in children.FAILURES:
        return faulty.kind
    if faulty.code == _USAGE and fault.number != errno.EROFS:
        return "the user is blamed"
    said = f"{faulty.out}{faulty.err}".lower()
    reasons = (os.strerror(fault.number).lower(), "disk", "cannot be written")
    if faulty.code and not any(reason in said for reason in reasons):
        return "no reason given"
    return ""
