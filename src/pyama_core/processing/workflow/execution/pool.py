"""Where the jobs of a run are done; what all kinds of workers have in common."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from pyama_core.errors import InputError, LostError
from pyama_core.processing.workflow.execution.calls import Call
from pyama_core.processing.workflow.execution.progress import Place, WorkerSink, this_place
from pyama_core.processing.workflow.execution.progress_server import ProgressHub, serve
from pyama_core.processing.workflow.services.base import BaseProcessingService, ProgressEvent

SinkOf = Callable[[int], WorkerSink]
"""Makes what the worker of a FOV reports to."""


class Pool(Protocol):
    """Workers, and what a run has to know of them.

    Attributes
    ----------
    why_cancelled
        What has happened where a task was cancelled that the run had not cancelled.
    """

    why_cancelled: str

    def sinks(self, hub: ProgressHub) -> AbstractContextManager[SinkOf]:
        """Give what workers report to while the block runs, and take in what they report."""
        ...

    def check_services(self, services: Sequence[BaseProcessingService]) -> None:
        """Raise InputError unless the workers can be given these steps."""
        ...

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run a task in a worker.

        Raises
        ------
        LostError
            There are no workers any more.
        """
        ...

    def place(self, future: Future[Any]) -> Place | None:
        """Return the process that a task is in, where that is known without its own word."""
        ...

    def end(self, future: Future[Any], place: Place | None) -> bool:
        """End the worker of a task, which may be in `place`; False where that cannot be done."""
        ...

    def has_lost(self, place: Place) -> bool:
        """Whether the worker in this place is known to be gone, its task left to others."""
        ...

    def waits_for(self) -> str:
        """Say what all workers wait for; empty where they need nothing."""
        ...

    def check(self) -> None:
        """Raise LostError where there is no hope left for workers."""
        ...

    def check_after_crash(self) -> None:
        """Raise LostError where the crash of one worker has cost all."""
        ...

    def capacity(self) -> int:
        """Return how many tasks the workers do at once, 0 where that is not known."""
        ...

    def is_crash(self, error: BaseException) -> bool:
        """Whether a task failed for the end of its worker."""
        ...

    def close(self) -> None:
        """Leave the workers, whatever they are doing."""
        ...


@dataclass(frozen=True)
class LocalSink:
    """What a thread of the run's own process reports to."""

    hub: ProgressHub
    fov: int

    def started(self, step: str) -> None:
        """Say that this process begins with a step."""
        self.hub.started(self.fov, step, this_place())

    def put(self, event: ProgressEvent) -> None:
        """Hand over a progress event."""
        self.hub.put(event)

    def cancelled(self) -> bool:
        """Whether the work on the FOV is to stop."""
        return self.hub.stopped(self.fov)


class GivenPool:
    """An executor of the caller's, which stays the caller's to close."""

    why_cancelled = "The executor has cancelled its work: it was closed while the run needed it."

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._futures: list[Future[Any]] = []

    @contextmanager
    def sinks(self, hub: ProgressHub) -> Iterator[SinkOf]:
        """Let workers report over a socket of this machine."""
        with serve(hub) as server:
            yield server.client

    def check_services(self, services: Sequence[BaseProcessingService]) -> None:
        """Accept all steps: an unknown executor may well not have to copy them."""

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run a task wherever the executor runs it."""
        try:
            future = self._submit(_call(task, *arguments))
        except Exception as error:
            raise LostError(
                f"The executor takes no more work ({error}): give another one."
            ) from error
        self._futures.append(future)
        return future

    def place(self, future: Future[Any]) -> Place | None:
        """Return None: only a task itself can say where it is."""
        return None

    def end(self, future: Future[Any], place: Place | None) -> bool:
        """Cancel a task that has not started; its worker belongs to the caller."""
        return future.cancel()

    def has_lost(self, place: Place) -> bool:
        """Return False: an executor does not give a task to another worker."""
        return False

    def waits_for(self) -> str:
        """Return nothing: what an executor waits for is not known."""
        return ""

    def check(self) -> None:
        """Hope: an executor that lost its workers says so of its tasks."""

    def check_after_crash(self) -> None:
        """Raise LostError: a broken executor is the caller's to mend."""
        raise LostError("The executor lost a worker and cannot be used any more.")

    def capacity(self) -> int:
        """Return 0: it is not known."""
        return 0

    def is_crash(self, error: BaseException) -> bool:
        """Whether a task failed for the end of its worker."""
        return isinstance(error, BrokenExecutor)

    def close(self) -> None:
        """Cancel what has not started; what runs ends by itself."""
        for future in self._futures:
            future.cancel()

    def _submit(self, call: Callable[[], Any]) -> Future[Any]:
        return self._executor.submit(call)


def _call(task: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    try:
        return Call(task, *arguments)
    except InputError:
        return partial(task, *arguments)
