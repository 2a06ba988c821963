"""How long a thread holds others up; knows nothing of napari or the plugin."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

THREADS = Path("/proc/self/task")


@dataclass(frozen=True)
class Moment:
    """When something began, by all clocks, in seconds."""

    wall: float
    computed: float
    """What this thread has computed."""
    queued: dict[str, float]
    """How long each thread of this process had to wait for a processor; known on Linux only."""

    @classmethod
    def now(cls) -> "Moment":
        queued = LOOKING.at_queues()
        return cls(time.perf_counter(), time.thread_time(), queued)

    def held(self) -> float:
        """Return how long this thread has held whoever waits for it: computing, reading, sleeping.

        Other programs on a busy machine are no fault of a callback: the time in which it, or a
        thread that Python's lock made it wait for, stood in the queue for a processor is left out.
        """
        wall, computed = time.perf_counter() - self.wall, time.thread_time() - self.computed
        if not THREADS.exists():
            return computed
        now = LOOKING.at_queues().items()
        queued = sum(seconds - self.queued.get(thread, 0.0) for thread, seconds in now)
        return max(computed, wall - queued)


class Looking:
    """How long threads have waited, and what it has cost so far to look: callbacks are nested."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def at_queues(self) -> dict[str, float]:
        began, queued = time.perf_counter(), {}
        for thread in THREADS.glob("*"):
            with suppress(OSError):
                queued[thread.name] = 1e-9 * int((thread / "schedstat").read_text().split()[1])
        self.seconds += time.perf_counter() - began
        return queued


LOOKING = Looking()
