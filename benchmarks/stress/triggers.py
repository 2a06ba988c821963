"""Sends a signal when a run comes to a chosen operation, in the run or in one of its workers.

Nothing but the standard library is imported before the signal: workers load this while they start.
"""

import faulthandler
import json
import os
import signal
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from benchmarks.stress.operations import Operation, watch

Role = Literal["run", "worker"]
Target = Literal["run", "worker", "group"]

_VARIABLE: Final = "PYAMA_STRESS_TRIGGER"
_RUN: Final = "PYAMA_STRESS_RUN"
_THREADS: Final = "PYAMA_STRESS_THREADS"
_INJECT: Final = Path(__file__).parent / "inject"
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Place:
    """An operation of a run, by where it happens."""

    role: Role
    act: str
    file: str

    def __str__(self) -> str:
        return f"{self.act} {self.file} in the {self.role}"


@dataclass(frozen=True)
class Trigger:
    """When to send which signal to whom; without a signal all places are written down."""

    folder: str
    notes: str
    """File that says that it was sent, or which places there were."""
    place: Place | None = None
    nth: int = 1
    number: int = 0
    target: Target = "run"

    def has_fired(self) -> bool:
        """Whether the place was reached."""
        return Path(self.notes).exists()

    def places(self) -> dict[Place, int]:
        """Return the places that were written down, and how often any process comes to each."""
        seen: dict[Place, Counter[int]] = {}
        for line in Path(self.notes).read_text().splitlines():
            pid, *place = json.loads(line)
            seen.setdefault(Place(*place), Counter())[pid] += 1
        return {place: min(counts.values()) for place, counts in seen.items()}


def arm_run(trigger: Trigger) -> None:
    """Arm this process, the run, and the workers that it is going to start."""
    os.environ[_VARIABLE] = json.dumps(asdict(trigger))
    os.environ[_RUN] = str(os.getpid())
    _arm(trigger, "run")


def prepare_workers(threads: Path) -> None:
    """Have every worker that this process starts call `arm_worker`, and know its file of threads.

    Python imports ``sitecustomize`` from its path.
    """
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_INJECT), str(_ROOT), before]).rstrip(":")
    os.environ[_THREADS] = str(threads)


def dump_threads_on_signal(threads: Path) -> None:
    """Let SIGUSR1 write where all threads stand."""
    faulthandler.register(signal.SIGUSR1, file=threads.open("a"), all_threads=True)


def arm_worker() -> None:
    """Prepare a worker for what its environment says."""
    if threads := os.environ.get(_THREADS):
        dump_threads_on_signal(Path(threads))
    if text := os.environ.get(_VARIABLE):
        content = json.loads(text)
        place = Place(**content.pop("place")) if content["place"] else content.pop("place")
        _arm(Trigger(**content, place=place), "worker")


def _arm(trigger: Trigger, role: Role) -> None:
    seen: Counter[Place] = Counter()

    def watcher(operation: Operation) -> None:
        place = Place(role, operation.act, operation.file)
        if trigger.place is None:
            _note(trigger.notes, json.dumps([os.getpid(), place.role, place.act, place.file]))
        elif place == trigger.place:
            seen[place] += 1
            if seen[place] == trigger.nth and _is_first(trigger.notes):
                _send(trigger, role)

    watch(Path(trigger.folder), watcher)


def _note(path: str, line: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def _is_first(path: str) -> bool:
    """Whether no other process has sent the signal yet."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def _send(trigger: Trigger, role: Role) -> None:
    number = signal.Signals(trigger.number)
    run = int(os.environ[_RUN])
    if trigger.target == "group":
        os.killpg(run, number)
    elif trigger.target == "worker" and role == "run":
        for pid in _workers_of(run)[:1]:
            os.kill(pid, number)
    else:
        os.kill(run if trigger.target == "run" else os.getpid(), number)


def _workers_of(run: int) -> list[int]:
    import psutil

    children = psutil.Process(run).children()
    return [child.pid for child in children if _is_worker(child.cmdline())]


def _is_worker(command: list[str]) -> bool:
    """Whether a command is that of a worker, not of what tracks the resources of workers."""
    return any("popen_loky" in word for word in command)
