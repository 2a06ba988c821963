"""The run's end of a channel: opening the right kind, and handing on what comes."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from pyama_core.processing.workflow.channel import QueueChannel
from pyama_core.processing.workflow.cluster import dask_channel
from pyama_core.processing.workflow.line import open_line
from pyama_core.processing.workflow.services.base import ProgressEvent

_SECONDS_FOR_LAST_EVENTS: Final = 5.0
_END: Final = None


@contextmanager
def open_channel(executor: Executor | None) -> Iterator[QueueChannel]:
    """Make a channel that the workers of an executor can reach; None is the run's own pool."""
    if isinstance(executor, ThreadPoolExecutor):
        yield QueueChannel(queue.Queue(), threading.Event())
    elif client := getattr(executor, "_client", None):
        yield dask_channel(client)
    else:
        with open_line() as channel:
            yield channel


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
    except (OSError, EOFError):  # The cluster is gone.
        return _END
    return event


def _say_progress_failed(error: Exception) -> None:
    import logging

    logging.getLogger(__name__).warning(
        "The progress callable raised %s: %s. It is not called again; the run goes on.",
        type(error).__name__,
        error,
    )
