"""Progress between a run and its workers, with real processes at the other end."""

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

from pyama_core.processing.workflow.execution.loky_pool import LokyPool
from pyama_core.processing.workflow.execution.progress import WorkerSink
from pyama_core.processing.workflow.execution.progress_server import (
    ProgressHub,
    ProgressServer,
    serve,
)
from pyama_core.processing.workflow.services.base import ProgressEvent

N_EVENTS = 20


def event(t: int, fov: int = 0) -> ProgressEvent:
    return ProgressEvent(step="copy", fov=fov, t=t, T=N_EVENTS, message="")


def talk(sink: WorkerSink, fov: int) -> bool:
    for t in range(N_EVENTS):
        sink.put(event(t, fov))
    return sink.cancelled()


def talk_in_threads(sink: WorkerSink) -> None:
    threads = [threading.Thread(target=talk, args=(sink, fov)) for fov in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def die_while_talking(sink: WorkerSink) -> None:
    sink.put(event(0))
    os.kill(os.getpid(), signal.SIGKILL)


def arrived(server: ProgressServer) -> list[ProgressEvent]:
    events = []
    while True:
        try:
            event = server.hub.events.get_nowait()
        except queue.Empty:
            return events
        assert event is not None
        events.append(event)


@pytest.fixture
def hub() -> ProgressHub:
    return ProgressHub()


@pytest.fixture
def pool() -> Iterator[LokyPool]:
    pool = LokyPool(2)
    yield pool
    pool.close()


def test_all_events_are_with_the_run_when_the_job_ends(pool: LokyPool, hub: ProgressHub) -> None:
    with serve(hub) as server:
        jobs = [pool.submit(talk, server.client(fov), fov) for fov in range(6)]
        assert [job.result() for job in jobs] == [False] * 6
        events = arrived(server)
    for fov in range(6):
        assert [e["t"] for e in events if e["fov"] == fov] == list(range(N_EVENTS))


def test_threads_of_a_worker_may_share_its_end(pool: LokyPool, hub: ProgressHub) -> None:
    with serve(hub) as server:
        pool.submit(talk_in_threads, server.client(0)).result()
        assert len(arrived(server)) == 4 * N_EVENTS


def test_workers_hear_of_cancelling(pool: LokyPool, hub: ProgressHub) -> None:
    with serve(hub) as server:
        hub.stop(1)
        assert pool.submit(talk, server.client(1), 1).result()
        assert not pool.submit(talk, server.client(2), 2).result()
        hub.close()
        assert pool.submit(talk, server.client(2), 2).result()


def test_a_worker_still_at_work_when_the_run_is_gone_is_to_stop(hub: ProgressHub) -> None:
    with serve(hub) as server:
        talking, silent = server.client(0), server.client(1)
        assert not talking.cancelled()
    assert talking.cancelled()
    assert silent.cancelled()
    silent.put(event(0))


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_worker_that_dies_leaves_the_server_to_the_others(
    pool: LokyPool, hub: ProgressHub
) -> None:
    with serve(hub) as server:
        assert pool.submit(die_while_talking, server.client(0)).exception() is not None
        assert not pool.submit(talk, server.client(1), 1).result()
        assert [e["fov"] for e in arrived(server)] == [0] + [1] * N_EVENTS


def test_half_a_message_is_no_event(hub: ProgressHub) -> None:
    with serve(hub) as server:
        with Client(server.address, authkey=server.secret) as connection:
            os.write(connection.fileno(), b"\0\0\0\x40half a message")
        assert not talk(server.client(0), 0)
        assert len(arrived(server)) == N_EVENTS


def test_a_stranger_is_not_listened_to(hub: ProgressHub) -> None:
    with serve(hub) as server:
        with pytest.raises(AuthenticationError):
            Client(server.address, authkey=b"guessed")
        assert not talk(server.client(0), 0)
    assert server.secret not in repr(server).encode()
    assert repr(server.secret) not in repr(server) + repr(server.client(0))


def test_a_caller_who_says_nothing_keeps_nobody_waiting(hub: ProgressHub) -> None:
    with serve(hub) as server, Client(server.address):
        assert not talk(server.client(0), 0)


def test_nothing_is_left_of_a_server(hub: ProgressHub) -> None:
    before = set(threading.enumerate())
    with serve(hub) as server:
        end = server.client(0)
        talk(end, 0)
        started = set(threading.enumerate()) - before
        assert started
    del end
    for thread in started:
        thread.join(5)
        assert not thread.is_alive()
    with pytest.raises((FileNotFoundError, ConnectionError)):
        Client(server.address, authkey=server.secret)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets in folders here")
def test_a_temporary_folder_of_a_long_name_is_no_obstacle(
    hub: ProgressHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def long_name(*given: Any) -> str:
        return str(tmp_path / ("long" * 40))

    replaced: Callable[..., str] = long_name
    monkeypatch.setattr("multiprocessing.connection.util.get_temp_dir", replaced)
    with serve(hub) as server:
        assert server.address[0] == "127.0.0.1"
        assert not talk(server.client(0), 0)
        assert len(arrived(server)) == N_EVENTS
