"""The run's own worker processes: ended, killed and replaced one by one."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from pyama_core.errors import LostError
from pyama_core.processing.workflow.execution import loky_pool
from pyama_core.processing.workflow.execution.loky_pool import LokyPool

needs_signals = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.fixture
def pool() -> Iterator[LokyPool]:
    pool = LokyPool(2)
    yield pool
    pool.close()


def pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_tasks_wait_for_a_worker_and_are_done_in_their_order(pool: LokyPool) -> None:
    futures = [pool.submit(pid_after, 0.05) for _ in range(6)]
    assert 1 <= len({future.result() for future in futures}) <= 2


def test_ending_a_worker_ends_its_task_only(pool: LokyPool) -> None:
    endless = pool.submit(pid_after, 600)
    until(lambda: pool.place(endless))
    other = pool.submit(pid_after, 0.5)
    place = pool.place(endless)
    assert place is not None
    assert pool.end(endless, place)
    assert not psutil.pid_exists(place.pid) or (
        psutil.Process(place.pid).status() == psutil.STATUS_ZOMBIE
    )
    assert other.result(30) != place.pid
    assert pool.submit(pid_after, 0).result(30) != place.pid


def test_a_task_that_waits_is_cancelled_when_it_is_ended(pool: LokyPool) -> None:
    for _ in range(2):
        pool.submit(pid_after, 600)
    waiting = pool.submit(pid_after, 0)
    assert pool.place(waiting) is None
    assert pool.end(waiting, None)
    assert waiting.cancelled()


@needs_signals
def test_a_worker_that_dies_at_work_fails_its_task_only(pool: LokyPool) -> None:
    endless, other = pool.submit(pid_after, 600), pool.submit(pid_after, 0.5)
    until(lambda: pool.place(endless))
    place = pool.place(endless)
    assert place is not None
    os.kill(place.pid, signal.SIGKILL)
    error = endless.exception(30)
    assert error is not None
    assert pool.is_crash(error)
    assert other.result(30) != place.pid


@needs_signals
def test_a_worker_that_dies_with_nothing_to_do_is_replaced(pool: LokyPool) -> None:
    pids = {pool.submit(pid_after, 0.2).result(30) for _ in range(2)}
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)
    assert pool.submit(pid_after, 0).result(30) not in pids


def end_at_once(parent_pid: int) -> None:
    os._exit(1)


def test_workers_that_end_while_they_start_are_not_started_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loky_pool, "begin", end_at_once)
    pool = LokyPool(1)
    try:
        task = pool.submit(pid_after, 0)
        assert pool.waits_for() == "the worker processes to start"
        with pytest.raises(LostError, match="No worker process can be started"):
            until(pool.check)
        assert not task.done()
    finally:
        pool.close()


@needs_signals
def test_closing_leaves_no_process_whatever_it_does(pool: LokyPool) -> None:
    futures = [pool.submit(pid_after, 600) for _ in range(2)]
    until(lambda: all(pool.place(future) for future in futures))
    pids = {place.pid for future in futures if (place := pool.place(future))}
    os.kill(min(pids), signal.SIGSTOP)
    started = time.monotonic()
    pool.close()
    assert time.monotonic() - started < 4
    assert not pids & {child.pid for child in psutil.Process().children()}
