"""How progress leaves a worker and cancellation reaches it."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.managers import SyncManager
from typing import Any, Protocol

from pyama_core.processing.workflow.child import (
    become_worker,
    interrupts_kept_from_children,
)
from pyama_core.processing.workflow.services.base import ProgressEvent

_LEAST_SECONDS_BETWEEN_EVENTS = 0.1
_SECONDS_FOR_LAST_EVENTS = 5.0


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
        """Send a progress event; one that cannot be delivered is dropped with the run."""
        self.events.put(event)

    def cancelled(self) -> bool:
        """Whether the flag is set; a flag out of reach means that the run is gone."""
        try:
            return bool(self.flag.is_set())
        except (OSError, EOFError):
            return True


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


@contextmanager
def open_channel(executor: Executor | None) -> Iterator[QueueChannel]:
    """Make a channel that the workers of an executor can reach; None is the run's own pool."""
    if isinstance(executor, ThreadPoolExecutor):
        yield QueueChannel(queue.Queue(), threading.Event())
    elif client := getattr(executor, "_client", None):
        yield _dask_channel(client)
    else:
        with _manager() as manager:
            yield QueueChannel(manager.Queue(), manager.Event())


@dataclass
class NamedChannel:
    """A dask worker's end: only names travel, for a scheduler unpickles what it passes on."""

    events_name: str
    flag_name: str

    def put(self, event: ProgressEvent) -> None:
        """Send a progress event through the cluster's queue."""
        from distributed import Queue

        Queue(self.events_name).put(event)  # type: ignore[no-untyped-call]

    def cancelled(self) -> bool:
        """Whether the cluster's event is set."""
        from distributed import Event

        return bool(Event(self.flag_name).is_set())  # type: ignore[no-untyped-call]


class DaskChannel(QueueChannel):
    """The caller's end of a channel over a dask cluster."""

    def __reduce__(self) -> tuple[type[NamedChannel], tuple[str, str]]:
        return NamedChannel, (self.events.name, self.flag.name)


def _dask_channel(client: Any) -> DaskChannel:
    from distributed import Event, Queue

    return DaskChannel(Queue(client=client), Event(client=client))  # type: ignore[no-untyped-call]


@contextmanager
def _manager() -> Iterator[SyncManager]:
    from loky.backend import get_context

    manager = SyncManager(ctx=get_context("loky"))
    with interrupts_kept_from_children():
        manager.start(initializer=become_worker)
    try:
        yield manager
    finally:
        manager.shutdown()


_END = None


@contextmanager
def forwarding(
    channel: QueueChannel, progress: Callable[[ProgressEvent], Any] | None
) -> Iterator[None]:
    """Hand events to `progress` from a thread of its own, so that a slow one delays nobody."""
    thread = threading.Thread(target=_forward, args=(channel, progress), daemon=True)
    thread.start()
    try:
        yield
    finally:
        channel.events.put(_END)
        thread.join(_SECONDS_FOR_LAST_EVENTS)


def _forward(channel: QueueChannel, progress: Callable[[ProgressEvent], Any] | None) -> None:
    while (event := _next_event(channel)) is not _END:
        if progress is None:
            continue
        try:
            progress(event)
        except Exception as error:
            _say_progress_failed(error)
            progress = None


def _next_event(channel: QueueChannel) -> ProgressEvent | None:
    try:
        event: ProgressEvent | None = channel.events.get()
    except (OSError, EOFError):
        return _END
    return event


def _say_progress_failed(error: Exception) -> None:
    import logging

    logging.getLogger(__name__).warning(
        "The progress callable raised %s: %s. It is not called again; the run goes on.",
        type(error).__name__,
        error,
    )
