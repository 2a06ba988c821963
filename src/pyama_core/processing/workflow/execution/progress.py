"""How progress leaves a worker and cancellation reaches it."""

import os
import time
from dataclasses import dataclass, field
from socket import gethostname
from typing import Final, Protocol

from pyama_core.processing.workflow.services.base import ProgressEvent

_LEAST_SECONDS_BETWEEN_EVENTS: Final = 0.1


@dataclass(frozen=True)
class Place:
    """The process that works on a FOV.

    Attributes
    ----------
    address
        Of a worker of a cluster, by which its scheduler knows it.
    """

    host: str
    pid: int
    address: str = ""

    @property
    def is_here(self) -> bool:
        """Whether the process is one of this machine."""
        return self.host == gethostname()


def this_place(address: str = "") -> Place:
    """Return the calling process."""
    return Place(gethostname(), os.getpid(), address)


class ProgressSink(Protocol):
    """Takes the progress of one FOV, and knows whether its work is to stop."""

    def put(self, event: ProgressEvent) -> None:
        """Send a progress event to whoever started the run."""
        ...

    def cancelled(self) -> bool:
        """Whether the work was cancelled, or the run is gone."""
        ...


class WorkerSink(ProgressSink, Protocol):
    """A worker's end of a run's progress: picklable, reachable from wherever the worker is."""

    def started(self, step: str) -> None:
        """Say which process begins with a step."""
        ...


@dataclass
class ThrottledReporter:
    """Reports a few times a second, and raises where the run was cancelled."""

    sink: ProgressSink
    _last: float = field(default=0.0, init=False)

    def __call__(self, event: ProgressEvent) -> None:
        """Take an event of a service.

        Raises
        ------
        InterruptedError
            The run was cancelled.
        """
        now = time.monotonic()
        is_last = event["t"] + 1 >= event["T"]
        if not is_last and now - self._last < _LEAST_SECONDS_BETWEEN_EVENTS:
            return
        self._last = now
        if self.sink.cancelled():
            raise InterruptedError("The run was cancelled.")
        self.sink.put(event)
