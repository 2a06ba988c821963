"""Progress between a run and its worker processes: a socket of this machine, served by threads."""

import os
import threading
import time
from collections.abc import Iterator
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

from pyama_core.processing.workflow.progress import Place, this_place
from pyama_core.processing.workflow.progress_hub import ProgressHub
from pyama_core.processing.workflow.services.base import ProgressEvent

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
