"""The line between a run and its workers, with real processes at its other end."""

import os
import queue
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import pytest
from pyama_core.processing.workflow.channel import Channel
from pyama_core.processing.workflow.line import Line, WorkerEnd, open_line

from pyama_core.processing.workflow.pool import LokyPool
from pyama_core.processing.workflow.services.base import ProgressEvent

N_EVENTS = 20


def event(t: int, fov: int = 0) -> ProgressEvent:
    return ProgressEvent(step="copy", fov=fov, t=t, T=N_EVENTS, message="")


def talk(channel: Channel, fov: int) -> bool:
    for t in range(N_EVENTS):
        channel.put(event(t, fov))
    return channel.cancelled()


def talk_in_threads(channel: Channel) -> None:
    threads = [threading.Thread(target=talk, args=(channel, fov)) for fov in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def die_while_talking(channel: Channel) -> None:
    channel.put(event(0))
    os.kill(os.getpid(), signal.SIGKILL)


def arrived(line: Line) -> list[ProgressEvent]:
    events = []
    while True:
        try:
            events.append(line.events.get_nowait())
        except queue.Empty:
            return events


def worker_end(line: Line) -> WorkerEnd:
    rebuild, arguments = line.__reduce__()
    return rebuild(*arguments)


@pytest.fixture
def pool() -> Iterator[LokyPool]:
    pool = LokyPool(2)
    yield pool
    pool.close()


def test_all_events_are_with_the_run_when_the_job_ends(pool: LokyPool) -> None:
    with open_line() as line:
        jobs = [pool.submit(talk, line, fov) for fov in range(6)]
        assert [job.result() for job in jobs] == [False] * 6
        events = arrived(line)
    for fov in range(6):
        assert [e["t"] for e in events if e["fov"] == fov] == list(range(N_EVENTS))


def test_threads_of_a_worker_may_share_its_end(pool: LokyPool) -> None:
    with open_line() as line:
        pool.submit(talk_in_threads, line).result()
        assert len(arrived(line)) == 4 * N_EVENTS


def test_workers_hear_of_cancelling(pool: LokyPool) -> None:
    with open_line() as line:
        line.flag.set()
        assert pool.submit(talk, line, 0).result()
        assert line.cancelled()


def test_a_worker_still_at_work_when_the_run_is_gone_is_told_to_stop() -> None:
    with open_line() as line:
        talking, silent = worker_end(line), worker_end(line)
        assert not talking.cancelled()
    assert talking.cancelled()
    assert silent.cancelled()
    silent.put(event(0))


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_worker_that_dies_leaves_the_line_to_the_others(pool: LokyPool) -> None:
    with open_line() as line:
        assert pool.submit(die_while_talking, line).exception() is not None
        pool.rebuild()
        assert not pool.submit(talk, line, 1).result()
        assert [e["fov"] for e in arrived(line)] == [0] + [1] * N_EVENTS


def test_half_a_message_is_no_event() -> None:
    with open_line() as line:
        with Client(line.address, authkey=line.secret) as connection:
            os.write(connection.fileno(), b"\0\0\0\x40half a message")
        assert not talk(worker_end(line), 0)
        assert len(arrived(line)) == N_EVENTS


def test_a_stranger_is_not_listened_to() -> None:
    with open_line() as line:
        with pytest.raises(AuthenticationError):
            Client(line.address, authkey=b"guessed")
        assert not talk(worker_end(line), 0)
    assert line.secret not in repr(line).encode()
    assert repr(line.secret) not in repr(line) + repr(worker_end(line))


def test_a_caller_who_says_nothing_keeps_nobody_waiting() -> None:
    with open_line() as line, Client(line.address):
        assert not talk(worker_end(line), 0)


def test_nothing_is_left_of_a_line() -> None:
    before = set(threading.enumerate())
    with open_line() as line:
        end = worker_end(line)
        talk(end, 0)
        started = set(threading.enumerate()) - before
        assert started
    del end
    for thread in started:
        thread.join(5)
        assert not thread.is_alive()
    with pytest.raises((FileNotFoundError, ConnectionError)):
        Client(line.address, authkey=line.secret)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets in folders here")
def test_a_temporary_folder_of_a_long_name_is_no_obstacle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def long_name(*given: Any) -> str:
        return str(tmp_path / ("long" * 40))

    replaced: Callable[..., str] = long_name
    monkeypatch.setattr("multiprocessing.connection.util.get_temp_dir", replaced)
    with open_line() as line:
        assert line.address[0] == "127.0.0.1"
        assert not talk(worker_end(line), 0)
        assert len(arrived(line)) == N_EVENTS
