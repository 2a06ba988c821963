"""Which process left something on disk, and whether it still runs."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_PROC: Final = Path("/proc")
_LARGEST_PID: Final = 2**31 - 1
_STATE_FIELD, _START_FIELD = 0, 19
"""Of ``/proc/PID/stat``, counted behind the name of the program (fields 3 and 22 of proc(5))."""
_ENDED_STATES: Final = ("Z", "X", "x")
"""A killed process whose parent has not asked for it yet is listed, but does nothing more."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process of one start of one machine.

    A number alone does not do: numbers are given again, containers count on their own, and the
    time of a process's start moves with the clock wherever it is computed from the time of day.

    Attributes
    ----------
    host
        Name of the machine, for people.
    boot
        Identity of the start of the machine; empty where the system has none.
    namespace
        The set of processes in which `pid` counts; containers have their own.
    pid
        Number of the process.
    started
        When it started, in the system's own ticks since the boot, as text.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_process() -> ProcessId:
    """Return the identity of the calling process."""
    return _identity(os.getpid())


def is_running(process: ProcessId) -> bool | None:
    """Return whether a process runs; None where it cannot be seen from here.

    It cannot be seen from another machine or container, nor where the system hides the processes
    of other users.
    """
    me = this_process()
    same_host = process.boot == me.boot and (me.boot != "" or process.host == me.host)
    if not same_host or process.namespace != me.namespace:
        return None
    try:
        return _start_of(process.pid) == process.started
    except PermissionError:
        return None


def as_json(process: ProcessId) -> dict[str, Any]:
    """Return what is written to disk of a process."""
    return asdict(process)


def process_from_json(content: Any) -> ProcessId | None:
    """Return the process that a file names, None where it names none."""
    if not isinstance(content, dict):
        return None
    texts = [content.get(name) for name in ("host", "boot", "namespace", "started")]
    pid = content.get("pid")
    if not all(isinstance(text, str) for text in texts) or not isinstance(pid, int):
        return None
    if isinstance(pid, bool) or not 0 < pid <= _LARGEST_PID:
        return None
    host, boot, namespace, started = map(str, texts)
    return ProcessId(host, boot, namespace, pid, started)


@lru_cache(maxsize=2)
def _identity(pid: int) -> ProcessId:
    """Return the identity of this process, by its number: a fork has another one."""
    return ProcessId(
        host=socket.gethostname(),
        boot=_boot(),
        namespace=_namespace(),
        pid=pid,
        started=_start_of(pid) or "",
    )


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").stat().st_ino)
    except OSError:
        return ""


def _start_of(pid: int) -> str | None:
    """Return when a process started, None where there is none that runs.

    Raises
    ------
    PermissionError
        There is one, but it is hidden.
    """
    return _start_in_proc(pid) if sys.platform.startswith("linux") else _start_by_psutil(pid)


def _start_in_proc(pid: int) -> str | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        _check_not_hidden(pid)
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[_STATE_FIELD] in _ENDED_STATES else fields[_START_FIELD]


def _check_not_hidden(pid: int) -> None:
    """Raise PermissionError where there is a process of another user, though it is not listed."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)


def _start_by_psutil(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return repr(process.create_time())
    except psutil.AccessDenied:
        raise PermissionError(f"Process {pid} is hidden.") from None
    except psutil.Error:
        return None
