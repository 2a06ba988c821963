"""Executors that a caller brings, by their type, and the threads among them."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial, singledispatch
from queue import SimpleQueue
from typing import Any

from pyama_core.errors import LostError
from pyama_core.processing.workflow.execution.loky_pool import LokyPool
from pyama_core.processing.workflow.execution.pool import GivenPool, LocalSink, Pool, SinkOf
from pyama_core.processing.workflow.execution.progress_server import ProgressHub


class GivenThreads(GivenPool):
    """Threads of this process: nothing is copied on its way to them."""

    @contextmanager
    def sinks(self, hub: ProgressHub) -> Iterator[SinkOf]:
        """Let threads report where they are."""
        try:
            yield partial(LocalSink, hub)
        finally:
            hub.close()

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run a task in a thread."""
        try:
            future = self._executor.submit(task, *arguments)
        except RuntimeError as error:
            raise LostError(
                f"The executor takes no more work ({error}): give another one."
            ) from error
        self._futures.append(future)
        return future


class CopyingThread:
    """A thread that copies from a source that workers cannot open, one FOV after the other."""

    def __init__(self) -> None:
        self._tasks = SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]()
        self._start()

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run a task in the thread."""
        future = Future[Any]()
        self._tasks.put((future, partial(task, *arguments)))
        return future

    def replace(self) -> None:
        """Have another thread do what is left; the one there may never return from its task."""
        self._start()

    def close(self) -> None:
        """Let the thread end when it has nothing left to do; nobody waits for it."""
        self._tasks.put(None)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="copying", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        me = threading.current_thread()
        while self._thread is me and (next_task := self._tasks.get()) is not None:
            future, task = next_task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(task())
            except BaseException as error:
                future.set_exception(error)


@singledispatch
def pool_of(executor: Executor) -> Pool:
    """Return the workers of an executor that the caller brings.

    A kind of executor that can tell more of its workers than `concurrent.futures` knows, or that
    works on other machines, is registered with a `Pool` of its own:
    ``pool_of.register(MyExecutor, MyPool)``.
    """
    return GivenPool(executor)


pool_of.register(ThreadPoolExecutor, GivenThreads)


def make_pool(n_workers: int, executor: Executor | None) -> Pool:
    """Return the workers of a run: of an executor, or as many processes as are wanted."""
    if executor is None:
        return LokyPool(n_workers)
    if "distributed" in sys.modules:  # An executor of dask's has loaded it; nobody else needs it.
        from distributed.cfexecutor import ClientExecutor

        from pyama_core.processing.workflow.execution.cluster import DaskPool

        pool_of.register(ClientExecutor, DaskPool)
    return pool_of(executor)
