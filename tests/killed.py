"""Processes that end without warning at a chosen moment."""

import os
import signal
import sys
import warnings
from collections.abc import Callable

_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate")


def run_until_change(action: Callable[[], object], n_changes: int) -> bool:
    """Run something in a process that is killed right before a change of the disk.

    Parameters
    ----------
    action
        What is run.
    n_changes
        How many changes are let through: files opened for writing, renamed, removed.

    Returns
    -------
    bool
        Whether the process was killed; False where it came to its end first.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of threads, which the child lacks.
        pid = os.fork()
    if pid == 0:
        _run_child(action, n_changes)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "The process failed before it was killed."
    return False


def _run_child(action: Callable[[], object], n_changes: int) -> None:
    left = n_changes

    def kill_in_time(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in _CHANGES or (event == "open" and _writes(arguments)):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.addaudithook(kill_in_time)
    status = 1
    try:
        action()
        status = 0
    finally:
        os._exit(status)


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
