"""Children that run one thing under a memory limit and a time limit, and what became of them."""

import faulthandler
import os
import pickle
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

import psutil

from benchmarks.stress.triggers import dump_threads_on_signal, prepare_workers

Kind = Literal[
    "result",
    "one sentence",
    "traceback",
    "hang",
    "crash",
    "warning",
    "bare exception",
    "many sentences",
]

FAILURES: Final = frozenset(
    {"traceback", "hang", "crash", "warning", "bare exception", "many sentences"}
)
MEMORY_BYTES: Final = 1 << 30
"""What a child may take in addition to what it was born with."""

_POLL_SECONDS: Final = 0.005
_SECONDS_TO_DUMP: Final = 5.0
_SHOWN_CHARACTERS: Final = 6000
_LONGEST_SENTENCE: Final = 600
_PYTHON_WARNING: Final = re.compile(r"\.py:\d+: \w*Warning: ")
_EXCEPTION: Final = re.compile(r"\b[A-Z]\w*(Error|Exception|Interrupt)\b")
_TRACEBACK: Final = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    code: int | None
    """Exit code, a negative signal, or None where it had to be ended."""
    out: str
    err: str
    threads: str
    """Where its threads stood when its time was over."""
    value: Any = None
    """What its task returned."""

    @property
    def text(self) -> str:
        """All that it said."""
        parts = [f"exit {self.code}", self.out, self.err, self.threads]
        return "\n".join(part.strip()[-_SHOWN_CHARACTERS:] for part in parts if part.strip())

    @property
    def kind(self) -> Kind:
        """What a user would say of it."""
        if self.code is None:
            return "hang"
        if self.code < 0:
            return "crash"
        if _TRACEBACK in self.err:
            return "traceback"
        if _PYTHON_WARNING.search(self.err):
            return "warning"
        if _EXCEPTION.search(self.out + self.err):
            return "bare exception"
        errors = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        if not errors:
            return "result"
        rest = self.err.partition("Error: ")[2].strip()
        return "one sentence" if _is_sentence(rest) else "many sentences"


@dataclass
class Child:
    """A process under way."""

    pid: int
    folder: Path
    deadline: float

    def poll(self) -> Ended | None:
        """Return how it ended; None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            return self._ended(code)
        if time.monotonic() > self.deadline:
            return self._ended(self._end())
        return None

    def wait(self) -> Ended:
        """Return how it ended, within its time."""
        while (ended := self.poll()) is None:
            time.sleep(_POLL_SECONDS)
        return ended

    def family(self) -> list[psutil.Process]:
        """Return the processes it started that are still there."""
        return [p for p in psutil.process_iter() if _is_of(p, self.pid)]

    def end_family(self) -> None:
        """End what it left running."""
        for process in self.family():
            if process.pid != self.pid:
                _kill(process.pid)

    def _end(self) -> None:
        """Have all of its processes say where they stand, and end them."""
        _signal_all(self.family(), signal.SIGUSR1)
        time.sleep(_SECONDS_TO_DUMP / 10)
        _signal_all(self.family(), signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def _ended(self, code: int | None) -> Ended:
        read = {name: _text(self.folder / name) for name in ("out", "err", "threads")}
        value = self.folder / "value"
        known = code == 0 and value.exists()
        return Ended(code, **read, value=pickle.loads(value.read_bytes()) if known else None)


def start(
    task: Callable[[], Any], folder: Path, *, seconds: float, memory: int | None = None
) -> Child:
    """Run a task in a forked child, in a session of its own; its words go into `folder`.

    Parameters
    ----------
    task
        What it does; an int it returns is its exit code, anything else its value.
    folder
        Where its output, its value and the dump of its threads are kept.
    seconds
        After that its threads are dumped and it is ended.
    memory
        Bytes that it may take more than it has at the beginning; None for as many as there are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return Child(pid, folder, time.monotonic() + seconds)
    _become_child(task, folder, memory)


def run(
    task: Callable[[], Any], folder: Path, *, seconds: float, memory: int | None = None
) -> Ended:
    """Run a task in a forked child to its end; see `start`."""
    return start(task, folder, seconds=seconds, memory=memory).wait()


def _become_child(task: Callable[[], Any], folder: Path, memory: int | None) -> NoReturn:
    code = 1
    try:
        os.setsid()
        _redirect(folder)
        dump_threads_on_signal(folder / "threads")
        prepare_workers(folder / "threads")
        faulthandler.enable(file=sys.stderr)
        if memory is not None:
            limit = psutil.Process().memory_info().vms + memory
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        code = _code_of(task(), folder)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _code_of(value: Any, folder: Path) -> int:
    if isinstance(value, int):
        return value
    (folder / "value").write_bytes(pickle.dumps(value))
    return 0


def _redirect(folder: Path) -> None:
    for name, descriptor in (("out", 1), ("err", 2)):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace")


def _is_sentence(text: str) -> bool:
    return "\n" not in text and len(text) <= _LONGEST_SENTENCE and text.endswith((".", "?"))


def _is_of(process: psutil.Process, leader: int) -> bool:
    try:
        return os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.Error):
        return False


def _signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        _kill(process.pid, number)


def _kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        return


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
