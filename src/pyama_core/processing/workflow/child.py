"""What every process that a run starts owes to the one that started it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil

_SECONDS_BETWEEN_LOOKS: Final = 1.0


def become_worker() -> None:
    """Leave Ctrl-C to the parent, which tells workers to stop, and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = psutil.Process(os.getppid())
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


@contextmanager
def interrupts_kept_from_children() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, not even while they import."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with(parent: psutil.Process) -> None:
    while os.getppid() == parent.pid and parent.is_running():
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)
