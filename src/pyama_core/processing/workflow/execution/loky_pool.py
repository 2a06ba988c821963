"""The run's own worker processes, each of which can be ended without a loss to the others."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import contextmanager, suppress
from functools import partial
from socket import gethostname
from typing import Any, Final

import psutil

from pyama_core.errors import LostError, sentence_of
from pyama_core.processing.workflow.execution.calls import Call, check_sendable
from pyama_core.processing.workflow.execution.pool import SinkOf
from pyama_core.processing.workflow.execution.progress import Place
from pyama_core.processing.workflow.execution.progress_server import ProgressHub, serve
from pyama_core.processing.workflow.execution.watch import SECONDS_TO_GIVE_UP
from pyama_core.processing.workflow.execution.worker import (
    be_ready,
    begin,
    interrupts_kept_from_children,
)
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.standard_streams import ensure_standard_streams

_ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
_SECONDS_TO_END: Final = 5.0
"""Given to processes that were killed; one that waits for a disk may take for ever."""
_STARTS_TO_GIVE_UP: Final = 3
"""Workers that end one after the other before one was ready."""
_SECONDS_BETWEEN_LOOKS: Final = 0.01


class _Worker:
    """One process, which imports neither the caller's ``__main__`` nor what the caller imported."""

    def __init__(self) -> None:
        from loky import ProcessPoolExecutor
        from loky.backend import get_context

        self.pid = 0
        """Known when the process is ready."""
        self._executor = ProcessPoolExecutor(
            1,
            context=get_context("loky"),
            initializer=begin,
            initargs=(os.getpid(),),
            env=_ONE_THREAD,
        )

    def submit(self, task: Callable[[], Any]) -> Future[Any]:
        with interrupts_kept_from_children():
            future: Future[Any] = self._executor.submit(task)
        return future

    def end(self) -> None:
        """Kill the process and what it started, without waiting for that."""
        self._executor.shutdown(wait=False, kill_workers=True)

    def close(self) -> None:
        """Kill the process, and wait until its end has been noted."""
        self._executor.shutdown(wait=True, kill_workers=True)


class LokyPool:
    """Worker processes of this machine, each one an executor of its own.

    In one executor of several processes, the death of one is the end of all, and nobody knows
    whose job was at fault.
    """

    why_cancelled = "The worker processes were closed while the run needed them."

    def __init__(self, n_workers: int) -> None:
        ensure_standard_streams()
        self._lock = threading.RLock()
        self._tasks = deque[tuple[Future[Any], Call]]()
        self._starting = set[_Worker]()
        self._idle: list[_Worker] = []
        self._busy: dict[Future[Any], _Worker] = {}
        self._failed_starts = 0
        self._why_lost = ""
        self._started_at = time.monotonic()
        self._closed = False
        for _ in range(n_workers):
            self._start()

    @contextmanager
    def sinks(self, hub: ProgressHub) -> Iterator[SinkOf]:
        """Let workers report over a socket of this machine."""
        with serve(hub) as server:
            yield server.client

    def check_services(self, services: Sequence[BaseProcessingService]) -> None:
        """Raise InputError unless all steps can be copied to another process."""
        check_sendable(services)

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run a task in the next worker that is free."""
        future = Future[Any]()
        call = Call(task, *arguments)
        with self._lock:
            self._tasks.append((future, call))
            self._fill()
        return future

    def place(self, future: Future[Any]) -> Place | None:
        """Return the process that a task was given to."""
        with self._lock:
            worker = self._busy.get(future)
        return Place(gethostname(), worker.pid) if worker else None

    def end(self, future: Future[Any], place: Place | None) -> bool:
        """Kill the worker of a task, and start another one in its place."""
        with self._lock:
            worker = self._busy.pop(future, None)
            if worker is None:
                return future.cancel()
            self._start()
        return _kill(worker, place)

    def has_lost(self, place: Place) -> bool:
        """Return False: a task fails with its worker."""
        return False

    def waits_for(self) -> str:
        """Say that no worker has started yet."""
        with self._lock:
            nobody = self._tasks and not self._idle and not self._busy
        return "the worker processes to start" if nobody else ""

    def check(self) -> None:
        """Raise LostError where workers cannot be started."""
        if self.waits_for() and time.monotonic() - self._started_at > SECONDS_TO_GIVE_UP:
            minutes = SECONDS_TO_GIVE_UP / 60
            raise LostError(f"The worker processes have not started for {minutes:.0f} minutes.")
        if self._why_lost:
            raise LostError(self._why_lost)

    def check_after_crash(self) -> None:
        """Go on: another worker has taken its place."""

    def capacity(self) -> int:
        """Return 0: the caller chose the number of workers."""
        return 0

    def is_crash(self, error: BaseException) -> bool:
        """Whether a task failed for the end of its worker."""
        return isinstance(error, BrokenExecutor)

    def close(self) -> None:
        """End all workers, busy or not; taking them down gently would cost half a second."""
        with self._lock:
            self._closed = True
            workers = [*self._starting, *self._idle, *self._busy.values()]
            self._starting, self._idle, self._busy = set(), [], {}
            for future, _ in self._tasks:
                future.cancel()
            self._tasks.clear()
        _close_all(workers)

    def _start(self) -> None:
        self._started_at = time.monotonic()
        worker = _Worker()
        self._starting.add(worker)
        try:
            ready = worker.submit(be_ready)
        except (OSError, BrokenExecutor) as error:
            self._on_failed_start(worker, error)
        else:
            ready.add_done_callback(partial(self._on_ready, worker))

    def _on_ready(self, worker: _Worker, ready: Future[Any]) -> None:
        with self._lock:
            if self._closed or worker not in self._starting:
                return
            if error := _error_of(ready):
                self._on_failed_start(worker, error)
                return
            self._failed_starts = 0
            self._starting.discard(worker)
            worker.pid = ready.result()
            self._idle.append(worker)
            self._fill()

    def _on_failed_start(self, worker: _Worker, error: BaseException) -> None:
        """Start another one, but not for ever, and not where others do without it."""
        self._starting.discard(worker)
        worker.end()
        self._failed_starts += 1
        if self._failed_starts < _STARTS_TO_GIVE_UP:
            self._start()
        elif not (self._idle or self._busy or self._starting):
            self._why_lost = f"No worker process can be started ({sentence_of(error)})."

    def _fill(self) -> None:
        """Give tasks to idle workers."""
        while self._tasks and self._idle and not self._closed:
            future, call = self._tasks.popleft()
            if future.running() or future.set_running_or_notify_cancel():
                self._give(future, call, self._idle.pop(0))

    def _give(self, future: Future[Any], call: Call, worker: _Worker) -> None:
        try:
            given = worker.submit(call)
        except (OSError, BrokenExecutor):  # It died while it had nothing to do.
            worker.end()
            self._tasks.appendleft((future, call))
            self._start()
            return
        self._busy[future] = worker
        given.add_done_callback(partial(self._on_done, future, worker))

    def _on_done(self, future: Future[Any], worker: _Worker, given: Future[Any]) -> None:
        error = _error_of(given)
        with self._lock:
            if self._busy.pop(future, None) is None:  # It was ended, or the pool was closed.
                return
            if isinstance(error, BrokenExecutor):
                worker.end()
                self._start()
            else:
                self._idle.append(worker)
            self._fill()
        if error is None:
            future.set_result(given.result())
        else:
            future.set_exception(error)


def _error_of(future: Future[Any]) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()


def _kill(worker: _Worker, place: Place | None) -> bool:
    """Kill a worker; return whether its process is gone."""
    pids = {worker.pid, place.pid if place else worker.pid}
    worker.end()
    deadline = time.monotonic() + _SECONDS_TO_END
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            process.kill()
            while _runs(process):
                if time.monotonic() > deadline:
                    return False
                time.sleep(_SECONDS_BETWEEN_LOOKS)
    return True


def _runs(process: psutil.Process) -> bool:
    # Not by waiting for it: its exit status is loky's to take.
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _close_all(workers: Sequence[_Worker]) -> None:
    threads = [threading.Thread(target=worker.close, daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + _SECONDS_TO_END
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
