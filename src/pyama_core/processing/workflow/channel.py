"""How progress leaves a worker and cancellation reaches it."""

import time
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pyama_core.processing.workflow.services.base import ProgressEvent

_LEAST_SECONDS_BETWEEN_EVENTS: Final = 0.1


class Channel(Protocol):
    """The worker's end: picklable, reachable from wherever the worker is."""

    def put(self, event: ProgressEvent) -> None:
        """Send a progress event to whoever started the run."""
        ...

    def cancelled(self) -> bool:
        """Whether the run was cancelled, or is gone."""
        ...


@dataclass
class QueueChannel:
    """A channel over any queue (`put`, `get`) and flag (`is_set`, `set`)."""

    events: Any
    flag: Any

    def put(self, event: ProgressEvent) -> None:
        """Send a progress event."""
        self.events.put(event)

    def cancelled(self) -> bool:
        """Whether the flag is set."""
        return bool(self.flag.is_set())


@dataclass
class ThrottledReporter:
    """Reports a few times a second, and raises where the run was cancelled."""

    channel: Channel
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
        if self.channel.cancelled():
            raise InterruptedError("The run was cancelled.")
        self.channel.put(event)
