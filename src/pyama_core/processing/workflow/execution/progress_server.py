"""Progress between a run and its worker processes: a socket of this machine, served by threads."""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from typing import Any, Final

from pyama_core.processing.workflow.execution.progress import Place, this_place
from pyama_core.processing.workflow.execution.watch import Watch
from pyama_core.processing.workflow.services.base import ProgressEvent

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


_SECRET_BYTES: Final = 32
_WAITING_CALLS: Final = 64
_SECONDS_AFTER_A_FAILED_CALL: Final = 0.1
_SECONDS_TO_CLOSE: Final = 5.0
_QUESTION: Final = None
"""What a worker sends that has no event and wants to know whether it is to stop."""

_CALL_FAILED: Final = (OSError, EOFError, AuthenticationError)


@dataclass
class ProgressClient:
    """A worker's end: whatever it sends is answered with whether the work on its FOV is to stop.

    So an event is with the run before the worker continues, and none comes after its job has ended.
    """

    address: Any
    secret: bytes = field(repr=False)
    fov: int
    _connection: "Connection | None" = field(default=None, init=False, repr=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __reduce__(self) -> tuple[type["ProgressClient"], tuple[Any, bytes, int]]:
        return ProgressClient, (self.address, self.secret, self.fov)

    def started(self, step: str) -> None:
        """Say which process begins with a step."""
        self._ask((step, this_place()))

    def put(self, event: ProgressEvent) -> None:
        """Send a progress event; one that cannot be delivered is dropped with the run."""
        self._ask(event)

    def cancelled(self) -> bool:
        """Whether the work was cancelled, or the run is out of reach."""
        return self._ask(_QUESTION)

    def _ask(self, message: ProgressEvent | tuple[str, Place] | None) -> bool:
        try:
            with self._one_at_a_time:
                if self._connection is None:
                    self._connection = Client(self.address, authkey=self.secret)
                self._connection.send((self.fov, message))
                return bool(self._connection.recv())
        except _CALL_FAILED:
            return True


@dataclass
class ProgressServer:
    """The run's end, which workers reach through the clients that they are given."""

    hub: ProgressHub
    address: Any
    secret: bytes = field(repr=False)

    def client(self, fov: int) -> ProgressClient:
        """Return what the worker of a FOV is given."""
        return ProgressClient(self.address, self.secret, fov)

    def answer(self, connection: "Connection") -> None:
        """Take what one worker sends, once it has proved to be one, until it has no more to say."""
        with connection, suppress(*_CALL_FAILED):
            deliver_challenge(connection, self.secret)
            answer_challenge(connection, self.secret)
            while True:
                fov, message = connection.recv()
                self._take(fov, message)
                connection.send(self.hub.stopped(fov))

    def wake(self) -> None:
        """Call the run itself, so that the accept loop looks up."""
        with suppress(*_CALL_FAILED):
            Client(self.address).close()

    def _take(self, fov: int, message: ProgressEvent | tuple[str, Place] | None) -> None:
        if isinstance(message, tuple):
            self.hub.started(fov, *message)
        elif message is not _QUESTION:
            self.hub.put(message)


@contextmanager
def serve(hub: ProgressHub) -> Iterator[ProgressServer]:
    """Answer worker processes; one still at work after the block learns that it is to stop."""
    secret = os.urandom(_SECRET_BYTES)
    with _listener() as listener:
        server = ProgressServer(hub, listener.address, secret)
        closed = threading.Event()
        thread = threading.Thread(target=_accept, args=(listener, server, closed), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            hub.close()
            closed.set()
            server.wake()
            thread.join(_SECONDS_TO_CLOSE)


def _listener() -> Listener:
    """Listen to anyone: who calls proves to be a worker in a thread where others need not wait."""
    try:
        return Listener(backlog=_WAITING_CALLS)
    except OSError:  # The temporary folder has too long a name for a socket, or takes none.
        return Listener(("localhost", 0), backlog=_WAITING_CALLS)


def _accept(listener: Listener, server: ProgressServer, closed: threading.Event) -> None:
    while not closed.is_set():
        try:
            connection = listener.accept()
            threading.Thread(target=server.answer, args=(connection,), daemon=True).start()
        except (OSError, RuntimeError):  # Files or threads have run out; some may end.
            time.sleep(_SECONDS_AFTER_A_FAILED_CALL)
