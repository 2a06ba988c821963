"""The executor of a run: our own processes, or whatever executor the caller brings."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Final, Protocol

from pyama_core.processing.workflow.child import interrupts_kept_from_children
from pyama_core.processing.workflow.jobs import be_ready, begin

_ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


class Pool(Protocol):
    """Where jobs run."""

    def submit(self, task: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run a task in a worker."""
        ...

    def rebuild(self) -> bool:
        """Replace broken workers; False where that is not ours to do."""
        ...

    def close(self) -> None:
        """Let go of the workers, whatever they are doing."""
        ...


class LokyPool:
    """Processes that import neither the caller's ``__main__`` nor what the caller imported."""

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers
        self._executor = self._start()

    def submit(self, task: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run a task in a worker process."""
        with interrupts_kept_from_children():
            future: Future[Any] = self._executor.submit(task, *args)
        return future

    def rebuild(self) -> bool:
        """Start new workers in place of a broken pool's."""
        self.close()
        self._executor = self._start()
        return True

    def close(self) -> None:
        """End all workers, busy or not; taking them down gently would cost half a second."""
        self._executor.shutdown(wait=True, kill_workers=True)

    def _start(self) -> Any:
        from loky import ProcessPoolExecutor
        from loky.backend import get_context

        executor = ProcessPoolExecutor(
            self._n_workers,
            context=get_context("loky"),
            initializer=begin,
            initargs=(os.getpid(),),
            env=_ONE_THREAD,
        )
        with interrupts_kept_from_children():
            executor.submit(be_ready)
        return executor


class GivenPool:
    """An executor of the caller's, which stays the caller's to close."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._futures: list[Future[Any]] = []

    def submit(self, task: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run a task wherever the executor runs it."""
        future = self._executor.submit(task, *args)
        self._futures.append(future)
        return future

    def rebuild(self) -> bool:
        """Say that a broken executor is the caller's to mend."""
        return False

    def close(self) -> None:
        """Cancel what has not started; what runs ends by itself."""
        for future in self._futures:
            future.cancel()


def make_pool(n_workers: int, executor: Executor | None) -> Pool:
    """Return the pool of a run."""
    return LokyPool(n_workers) if executor is None else GivenPool(executor)
