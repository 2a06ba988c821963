"""The workers of a dask cluster: what they report, and noticing that they are lost."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from distributed import KilledWorker
from distributed.cfexecutor import ClientExecutor

from pyama_core.errors import LostError
from pyama_core.processing.workflow.execution.calls import check_sendable
from pyama_core.processing.workflow.execution.connect import UNREACHABLE, in_thread, within
from pyama_core.processing.workflow.execution.pool import GivenPool, SinkOf
from pyama_core.processing.workflow.execution.progress import Place, this_place
from pyama_core.processing.workflow.execution.progress_server import ProgressHub
from pyama_core.processing.workflow.services.base import BaseProcessingService, ProgressEvent

SECONDS_TO_GIVE_UP_SCHEDULER: Final = 120.0
"""Without an answer, after which a scheduler counts as lost."""
SECONDS_TO_GIVE_UP_WORKERS: Final = 120.0
"""Without a worker, after there had been some."""
SECONDS_TO_GIVE_UP_QUEUE: Final = 86_400.0
"""Without a worker, while there has not been any: jobs of a batch system may queue for long."""

_SECONDS_BETWEEN_QUESTIONS: Final = 2.0
_SECONDS_TO_ANSWER: Final = 5.0
_SECONDS_TO_RESTART: Final = 10.0
_SECONDS_BETWEEN_LOOKS: Final = 0.2
_MOST_SECONDS_AT_ONCE: Final = 10.0
"""Counted between two questions: while this process itself is stopped, nobody is waited for."""


@dataclass(frozen=True)
class DaskSink:
    """What a dask worker reports to: only names travel, as the scheduler unpickles what it passes.

    Where the scheduler is lost, the run is: that is no failure of the FOV.

    Attributes
    ----------
    queue
        Name of the cluster's queue for what is reported.
    stop
        Name of the event that is set where the work on the FOV is to stop.
    """

    queue: str
    stop: str
    fov: int

    def started(self, step: str) -> None:
        """Say which worker begins with a step."""
        from distributed import get_worker

        place = this_place(get_worker().address)
        self._put((self.fov, step, place.host, place.pid, place.address))

    def put(self, event: ProgressEvent) -> None:
        """Send a progress event through the cluster's queue."""
        self._put(event)

    def cancelled(self) -> bool:
        """Whether the cluster's event is set, or the scheduler is out of reach."""
        from distributed import Event

        try:
            return bool(Event(self.stop).is_set())  # type: ignore[no-untyped-call]
        except UNREACHABLE:
            return True

    def _put(self, message: Any) -> None:
        from distributed import Queue

        with suppress(*UNREACHABLE):
            Queue(self.queue).put(message)  # type: ignore[no-untyped-call]


class DaskPool(GivenPool):
    """The workers of a dask cluster, reached through a client's executor."""

    def __init__(self, executor: ClientExecutor) -> None:
        super().__init__(executor)
        # There is no other way from dask's executor to the client that made it.
        self._client: Any = executor._client
        self._address = str(self._client.scheduler.address)
        self._health = _Health(self._client)
        self.why_cancelled = f"The connection to the scheduler at {self._address} is lost."

    @contextmanager
    def sinks(self, hub: ProgressHub) -> Iterator[SinkOf]:
        """Let workers report through a queue on the scheduler."""
        from distributed import Queue

        name = f"pyama-{uuid.uuid4().hex}"
        queue = Queue(name, client=self._client)  # type: ignore[no-untyped-call]
        intake = _Intake(queue, hub)
        hub.on_stop = partial(self._stop, name)
        hub.before_outcome = partial(within, _SECONDS_TO_ANSWER, intake.take)
        try:
            yield lambda fov: DaskSink(name, _stop_name(name, fov), fov)
        finally:
            intake.close()
            hub.close()
            within(_SECONDS_TO_ANSWER, queue.close)

    def check_services(self, services: Sequence[BaseProcessingService]) -> None:
        """Raise InputError unless all steps can be sent to another machine."""
        check_sendable(services)

    def end(self, future: Future[Any], place: Place | None) -> bool:
        """Have the worker of a task started anew, which a worker with a nanny can be."""
        future.cancel()
        if place is None or not place.address:
            return False
        in_thread(partial(self._client.restart_workers, [place.address]))
        return within(_SECONDS_TO_RESTART, partial(self._wait_for_end, place.address))

    def has_lost(self, place: Place) -> bool:
        """Whether the scheduler no longer has a worker that it had."""
        return place.address in self._health.left

    def waits_for(self) -> str:
        """Say whether the scheduler does not answer or has no workers."""
        if self._health.seconds_silent > 0:
            return f"the scheduler at {self._address}, which does not answer"
        if self._health.seconds_alone > 0:
            return f"workers: the scheduler at {self._address} has none"
        return ""

    def check(self) -> None:
        """Raise LostError where scheduler or workers have been away for too long."""
        health, at = self._health, f"the scheduler at {self._address}"
        if self._client.status in ("closing", "closed"):
            raise LostError(f"The connection to {at} is closed.")
        if health.seconds_silent > SECONDS_TO_GIVE_UP_SCHEDULER:
            minutes = SECONDS_TO_GIVE_UP_SCHEDULER / 60
            raise LostError(f"No answer has come from {at} for {minutes:.0f} minutes.")
        limit = SECONDS_TO_GIVE_UP_WORKERS if health.left else SECONDS_TO_GIVE_UP_QUEUE
        if health.seconds_alone > limit:
            raise LostError(f"There have been no workers at {at} for {limit / 60:.0f} minutes.")

    def capacity(self) -> int:
        """Return the number of threads of all workers."""
        return self._health.n_threads

    def check_after_crash(self) -> None:
        """Go on: the scheduler gives the work to other workers, which may yet come."""

    def is_crash(self, error: BaseException) -> bool:
        """Whether workers died while they had the task, which another one may have caused."""
        return isinstance(error, KilledWorker)

    def close(self) -> None:
        """Cancel what is left, as far as the scheduler can be reached."""
        self._health.close()
        within(_SECONDS_TO_ANSWER, super().close)

    def _submit(self, call: Callable[[], Any]) -> Future[Any]:
        submit: Callable[..., Future[Any]] = self._executor.submit
        return submit(call, pure=False)

    def _wait_for_end(self, address: str) -> None:
        while address in self._client.sync(self._client.scheduler.ncores):
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _stop(self, name: str, fov: int) -> None:
        from distributed import Event

        event = Event(_stop_name(name, fov), client=self._client)  # type: ignore[no-untyped-call]
        in_thread(event.set)


class _Health:
    """Asks the scheduler for its workers, again and again, from a thread of its own."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.n_threads = 0
        self.left = frozenset[str]()
        """Workers that there were, and are no more."""
        self._seen = set[str]()
        self.seconds_silent = 0.0
        """Since the scheduler last answered."""
        self.seconds_alone = 0.0
        """In which it answered that it has no workers."""
        self._closed = threading.Event()
        self._before = time.monotonic()
        self._ask()
        threading.Thread(target=self._ask_on, daemon=True).start()

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()

    def _ask_on(self) -> None:
        while not self._closed.wait(_SECONDS_BETWEEN_QUESTIONS):
            self._ask()

    def _ask(self) -> None:
        threads = self._answer()
        now = time.monotonic()
        seconds, self._before = min(now - self._before, _MOST_SECONDS_AT_ONCE), now
        if threads is None:
            self.seconds_silent += seconds
            return
        self.seconds_silent = 0.0
        self.n_threads = sum(threads.values())
        self._seen.update(threads)
        self.left = frozenset(self._seen - set(threads))
        self.seconds_alone = 0.0 if threads else self.seconds_alone + seconds

    def _answer(self) -> dict[str, int] | None:
        with suppress(*UNREACHABLE):
            ask = self._client.scheduler.ncores
            answer: dict[str, int] = self._client.sync(ask, callback_timeout=_SECONDS_TO_ANSWER)
            return answer
        return None


class _Intake:
    """Hands on what workers put into the cluster's queue.

    It asks again and again: questions that wait for an answer would fill the scheduler's log with
    tracebacks.
    """

    def __init__(self, queue: Any, hub: ProgressHub) -> None:
        self._queue, self._hub = queue, hub
        self._one_at_a_time = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._take_on, daemon=True)
        self._thread.start()

    def take(self) -> None:
        """Hand on what there is."""
        with self._one_at_a_time, suppress(*UNREACHABLE):
            for message in self._queue.get(batch=True):
                _hand_on(message, self._hub)

    def close(self) -> None:
        """Hand on what is left, as far as the scheduler answers."""
        self._closed.set()
        within(_SECONDS_TO_ANSWER, self.take)

    def _take_on(self) -> None:
        while not self._closed.wait(_SECONDS_BETWEEN_LOOKS):
            self.take()


def _hand_on(message: Any, hub: ProgressHub) -> None:
    if isinstance(message, dict):
        hub.put(cast("ProgressEvent", message))
    else:
        fov, step, *place = message
        hub.started(fov, step, Place(*place))


def _stop_name(name: str, fov: int) -> str:
    return f"{name}-stop-{fov}"
