"""What every process that a run starts owes to the one that started it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from typing import Final

import psutil

_SECONDS_BETWEEN_LOOKS: Final = 1.0


def become_worker(parent_pid: int) -> None:
    """Leave Ctrl-C to the parent, which tells workers to stop, and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent_pid,), daemon=True).start()


@contextmanager
def interrupts_kept_from_children() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, not even while they import."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # Before Python 3.13, launching it lets interrupts through.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with(parent_pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(parent_pid)
        while _is_there(parent):
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _is_there(parent: psutil.Process) -> bool:
    # A dead parent may still be listed; where that can be, orphans are given another one.
    return parent.is_running() and (os.name == "nt" or os.getppid() == parent.pid)
