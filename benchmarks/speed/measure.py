"""Taking CPU time and memory of a piece of work."""

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from pyama_core.processing.workflow.execution.loky_pool import LokyPool

Result = TypeVar("Result")

_STATUS = Path("/proc/self/status")
_SECONDS_BETWEEN_SAMPLES = 0.005


def in_a_worker(work: Callable[..., Result], *arguments: Any) -> Result:
    """Do a piece of work in a fresh worker process, as a run starts them."""
    pool = LokyPool(1)
    try:
        return cast("Result", pool.submit(work, *arguments).result())
    finally:
        pool.close()


def cpu_ms(
    work: Callable[[], Any],
    repeats: int,
    before: Callable[[], Any] = lambda: None,
    n_bytes: int = 0,
) -> float:
    """Median CPU time of this process, user and system, over some repeats; ms.

    Each is preceded by something that is not counted: removing what the last one wrote, for a
    first run has no old files to replace, waiting for the disk, which earlier work left busy, and
    having memory at hand for `n_bytes` of files.
    """
    return statistics.median(_cpu_ms_once(work, before, n_bytes) for _ in range(repeats))


def settle(n_bytes: int) -> None:
    """Wait for the disk, save on Windows, and have memory at hand.

    A virtual machine gets memory from its host when it is first touched, which on some costs ten
    times as much as writing to it, and loses it again some seconds after it was last used.
    """
    if hasattr(os, "sync"):
        os.sync()
    np.empty(n_bytes, np.uint8).fill(1)


def _cpu_ms_once(work: Callable[[], Any], before: Callable[[], Any], n_bytes: int) -> float:
    before()
    settle(n_bytes)
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e3


@dataclass
class Peak:
    """Largest anonymous memory seen; MB."""

    megabytes: float = 0.0


@contextmanager
def peak_anonymous_memory() -> Iterator[Peak]:
    """Sample the process's anonymous memory while the block runs; 0 where there is no /proc."""
    peak, stop = Peak(), threading.Event()

    def watch() -> None:
        while not stop.wait(_SECONDS_BETWEEN_SAMPLES):
            peak.megabytes = max(peak.megabytes, anonymous_megabytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        stop.set()
        watcher.join()


def anonymous_megabytes() -> float:
    """Memory of this process that no file backs (RssAnon); MB."""
    if not _STATUS.exists():
        return 0.0
    lines = _STATUS.read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("RssAnon"))
    return int(kilobytes) / 1e3
