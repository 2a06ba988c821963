"""The line between a run and its worker processes: a socket of this machine, served by threads."""

import os
import queue
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

from pyama_core.processing.workflow.channel import QueueChannel
from pyama_core.processing.workflow.services.base import ProgressEvent

_SECRET_BYTES: Final = 32
_WAITING_CALLS: Final = 64
_SECONDS_AFTER_A_FAILED_CALL: Final = 0.1
_SECONDS_TO_HANG_UP: Final = 5.0
_QUESTION: Final = None
"""What a worker says that has no event and wants to know whether the run was cancelled."""

_CALL_FAILED: Final = (OSError, EOFError, AuthenticationError)


@dataclass
class WorkerEnd:
    """A worker's end: whatever it says is answered with whether the run was cancelled.

    So an event is with the run before the worker goes on, and none comes after its job has ended.
    """

    address: Any
    secret: bytes = field(repr=False)
    _connection: "Connection | None" = field(default=None, init=False, repr=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def put(self, event: ProgressEvent) -> None:
        """Send a progress event; one that cannot be delivered is dropped with the run."""
        self._ask(event)

    def cancelled(self) -> bool:
        """Whether the run was cancelled, or is out of reach."""
        return self._ask(_QUESTION)

    def _ask(self, message: ProgressEvent | None) -> bool:
        try:
            with self._one_at_a_time:
                if self._connection is None:
                    self._connection = Client(self.address, authkey=self.secret)
                self._connection.send(message)
                return bool(self._connection.recv())
        except _CALL_FAILED:
            return True


@dataclass
class Line(QueueChannel):
    """The run's end, which arrives in a worker as a `WorkerEnd`."""

    address: Any
    secret: bytes = field(repr=False)

    def __reduce__(self) -> tuple[type[WorkerEnd], tuple[Any, bytes]]:
        return WorkerEnd, (self.address, self.secret)

    def answer(self, connection: "Connection") -> None:
        """Take what one worker says, once it has proved to be one, until it has no more to say."""
        with connection, suppress(*_CALL_FAILED):
            deliver_challenge(connection, self.secret)
            answer_challenge(connection, self.secret)
            while True:
                message = connection.recv()
                if message is not _QUESTION:
                    self.events.put(message)
                connection.send(self.flag.is_set())

    def wake(self) -> None:
        """Call the run itself, so that who waits for calls looks up."""
        with suppress(*_CALL_FAILED):
            Client(self.address).close()


@contextmanager
def open_line() -> Iterator[Line]:
    """Answer worker processes; one still at work after the block is told that it is cancelled."""
    secret = os.urandom(_SECRET_BYTES)
    with _listener() as listener:
        line = Line(queue.Queue(), threading.Event(), listener.address, secret)
        closed = threading.Event()
        thread = threading.Thread(target=_take_calls, args=(listener, line, closed), daemon=True)
        thread.start()
        try:
            yield line
        finally:
            line.flag.set()
            closed.set()
            line.wake()
            thread.join(_SECONDS_TO_HANG_UP)


def _listener() -> Listener:
    """Listen to anyone: who calls proves to be a worker in a thread where others need not wait."""
    try:
        return Listener(backlog=_WAITING_CALLS)
    except OSError:  # The temporary folder has too long a name for a socket, or takes none.
        return Listener(("localhost", 0), backlog=_WAITING_CALLS)


def _take_calls(listener: Listener, line: Line, closed: threading.Event) -> None:
    while not closed.is_set():
        try:
            connection = listener.accept()
            threading.Thread(target=line.answer, args=(connection,), daemon=True).start()
        except (OSError, RuntimeError):  # Files or threads have run out; some may end.
            time.sleep(_SECONDS_AFTER_A_FAILED_CALL)
