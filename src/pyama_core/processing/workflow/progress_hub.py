"""The run's end of all progress: what workers say is noted and handed to whoever asked for it."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from pyama_core.processing.workflow.progress import Place
from pyama_core.processing.workflow.services.base import ProgressEvent
from pyama_core.processing.workflow.watch import Watch

_SECONDS_FOR_LAST_EVENTS: Final = 5.0
_END: Final = None


class ProgressHub:
    """Takes the progress of all workers, whichever way it comes, and says which are to stop.

    Attributes
    ----------
    watch
        Knows what is under way.
    on_stop
        Called with each FOV whose work is to stop, for workers who do not ask here.
    before_outcome
        Called before a FOV is said to have ended, to take in what its worker said before.
    """

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[ProgressEvent | None] = queue.SimpleQueue()
        self.watch = Watch(self.events.put)
        self.on_stop: Callable[[int], object] = lambda fov: None
        self.before_outcome: Callable[[], object] = lambda: None
        self._stopped = set[int]()
        self._closed = False

    def put(self, event: ProgressEvent) -> None:
        """Take a progress event."""
        self.watch.heard(event)
        self.events.put(event)

    def started(self, fov: int, step: str, place: Place) -> None:
        """Take the word of a worker that it begins with a step of a FOV."""
        self.watch.started(fov, step, place)

    def stop(self, fov: int) -> None:
        """Have the work on a FOV stop at its next report."""
        self._stopped.add(fov)
        self.on_stop(fov)

    def stopped(self, fov: int) -> bool:
        """Whether the work on a FOV is to stop, be it alone or with the run."""
        return self._closed or fov in self._stopped

    def close(self) -> None:
        """Have all work stop."""
        self._closed = True


@contextmanager
def reporting(progress: Callable[[ProgressEvent], Any] | None) -> Iterator[ProgressHub]:
    """Hand events to `progress` from a thread of its own, so that a slow one delays nobody."""
    hub = ProgressHub()
    thread = threading.Thread(target=_forward, args=(hub.events, progress), daemon=True)
    thread.start()
    try:
        with hub.watch:
            yield hub
    finally:
        hub.events.put(_END)
        thread.join(_SECONDS_FOR_LAST_EVENTS)


def _forward(
    events: "queue.SimpleQueue[ProgressEvent | None]",
    progress: Callable[[ProgressEvent], Any] | None,
) -> None:
    while (event := events.get()) is not _END:
        if progress is None:
            continue
        try:
            progress(event)
        except Exception as error:
            _log_failure(error)
            progress = None


def _log_failure(error: Exception) -> None:
    logging.getLogger(__name__).warning(
        "The progress callable raised %s: %s. It is not called again; the run continues.",
        type(error).__name__,
        error,
    )
