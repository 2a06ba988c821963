"""Locks: one holder at a time, dead ones give way, and nobody waits for a process that is gone."""

import errno
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pyama_core import processes
from pyama_core.errors import InputError
from pyama_core.processes import as_json, this_process
from pyama_core.processing.workflow import locks
from pyama_core.processing.workflow.locks import (
    STALE_SECONDS,
    FolderInUseError,
    awaited_lock,
    held_locks,
    remove_dead_locks,
)

COUNTING = """
import sys
from pathlib import Path
from pyama_core.processing.workflow.locks import awaited_lock

counter = Path("counter")
for _ in range(40):
    with awaited_lock(Path(".lock")):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / ".lock"


def test_processes_that_wait_for_each_other_lose_nothing(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    command = [sys.executable, "-c", COUNTING]
    processes = [subprocess.Popen(command, cwd=tmp_path) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert counter.read_text() == "120"
    assert [path.name for path in tmp_path.iterdir()] == ["counter"]


def test_a_lock_is_awaited_until_it_is_free(lock: Path) -> None:
    order: list[str] = []
    held = threading.Event()

    def hold() -> None:
        with held_locks([lock]):
            held.set()
            time.sleep(0.2)
            order.append("first")

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with awaited_lock(lock):
        order.append("second")
    holder.join()
    assert order == ["first", "second"]
    assert not lock.exists()


def test_a_lock_that_cannot_be_written_is_not_left_behind(
    lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(locks, "_write", full)
    with pytest.raises(OSError, match="No space left on device") as raised, held_locks([lock]):
        pass
    assert raised.value.filename == str(lock.parent)
    assert not list(lock.parent.iterdir())


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_without_second_names_of_files_has_locks_too(
    lock: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    monkeypatch.setattr(os, "link", refuse)
    with held_locks([lock]):
        assert [path.name for path in lock.parent.iterdir()] == [lock.name]
        with pytest.raises(FolderInUseError, match="by process"), held_locks([lock]):
            pass
    assert not list(lock.parent.iterdir())


def test_a_lock_whose_making_a_file_server_answers_twice_is_held(
    lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer was lost, and the same request, sent again, finds the lock there."""
    link = os.link

    def ask_twice(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", ask_twice)
    with held_locks([lock]):
        assert lock.exists()
    assert not list(lock.parent.iterdir())


def owner(**changes: object) -> str:
    return json.dumps(as_json(this_process()) | {"token": "t"} | changes)


PARENT = json.dumps(as_json(processes._identity.__wrapped__(os.getppid())) | {"token": "t"})
ELSEWHERE = owner(host="elsewhere", boot="another", namespace="")


@pytest.mark.parametrize(
    ("content", "age_seconds", "is_held"),
    [
        ("", 0, True),
        ("", STALE_SECONDS + 1, False),
        (PARENT, 9 * STALE_SECONDS, True),
        (owner(), 0, False),
        (owner(started="1"), 0, False),
        (owner(pid=2**22 + 1), 0, False),
        (ELSEWHERE, STALE_SECONDS - 5, True),
        (ELSEWHERE, 5 - STALE_SECONDS, True),
        (ELSEWHERE, STALE_SECONDS + 1, False),
        (ELSEWHERE, -1000 * STALE_SECONDS, False),
        (owner(namespace="another container"), 0, True),
        (owner(namespace="another container"), STALE_SECONDS + 1, False),
    ],
)
def test_a_lock_counts_while_its_owner_lives_or_its_heart_beats(
    lock: Path,
    content: str,
    age_seconds: float,
    is_held: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that is empty is being written; one of this process but another start is not ours.

    One of this process that none of its runs holds has come back with a disk that was away.
    """
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.05)
    lock.write_text(content)
    then = time.time() - age_seconds
    os.utime(lock, (then, then))
    if is_held:
        with pytest.raises(FolderInUseError), held_locks([lock]):
            pass
        assert lock.read_text() == content
    else:
        with held_locks([lock]):
            assert lock.read_text() != content
    assert [path.name for path in lock.parent.iterdir()] == ([lock.name] if is_held else [])


@pytest.mark.parametrize("age_seconds", [STALE_SECONDS + 1, 1e6, -1e6])
def test_a_lock_whose_heart_beats_is_held_whatever_the_clock_says(
    lock: Path, monkeypatch: pytest.MonkeyPatch, age_seconds: float
) -> None:
    """The clock of a file server is set: the last beat seems long ago, or yet to come."""
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.3)
    lock.write_text(ELSEWHERE)
    stop = threading.Event()

    def beat() -> None:
        beats = itertools.count()
        while not stop.wait(0.1):
            then = time.time() - age_seconds + next(beats)
            os.utime(lock, (then, then))

    heart = threading.Thread(target=beat)
    heart.start()
    try:
        with pytest.raises(FolderInUseError, match="on elsewhere"), held_locks([lock]):
            pass
    finally:
        stop.set()
        heart.join()
    assert lock.read_text() == ELSEWHERE


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"pid": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        owner(pid="1").encode(),
        owner(pid=-1).encode(),
        owner(pid=10**30).encode(),
        owner(started=None).encode(),
        owner(host=["a"]).encode(),
    ],
)
def test_odd_contents_are_another_runs_lock_for_a_minute(
    lock: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.01)
    lock.write_bytes(content)
    with pytest.raises(FolderInUseError, match="by another run"), held_locks([lock]):
        pass
    os.utime(lock, (0, 0))
    with held_locks([lock]):
        pass
    assert not lock.exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "device"])
def test_what_is_no_file_is_named_and_left_alone(lock: Path, kind: str) -> None:
    if kind == "folder":
        lock.mkdir()
    elif kind == "pipe":
        os.mkfifo(lock)
    else:
        lock.symlink_to("/dev/zero" if kind == "device" else lock.with_name("nowhere"))
    with (
        pytest.raises(InputError, match=r"\.lock is in the place of a lock file"),
        held_locks([lock]),
    ):
        pass
    assert os.path.lexists(lock)


def test_ending_leaves_the_lock_of_another_run_alone(lock: Path) -> None:
    with held_locks([lock]):
        lock.write_text(ELSEWHERE)
    assert lock.read_text() == ELSEWHERE


def test_a_heart_beats_for_its_own_lock_only(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.02)
    with held_locks([lock]):
        os.utime(lock, (0, 0))
        deadline = time.monotonic() + 10
        while lock.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert lock.stat().st_mtime > 0
        lock.write_text(ELSEWHERE)
        os.utime(lock, (0, 0))
        time.sleep(0.2)
        assert lock.stat().st_mtime == 0


TAKING_OVER = """
import sys, time
from pathlib import Path
from pyama_core.processing.workflow.locks import awaited_lock

while time.time() < float(sys.argv[1]):
    time.sleep(0.001)
counter = Path("counter")
with awaited_lock(Path(".lock")):
    count = int(counter.read_text())
    time.sleep(0.005)
    counter.write_text(str(count + 1))
"""


def test_of_many_that_find_a_dead_lock_each_holds_it_alone(tmp_path: Path) -> None:
    """Each of three rounds begins with the lock of a process that was killed."""
    for _ in range(3):
        (tmp_path / "counter").write_text("0")
        (tmp_path / ".lock").write_text(owner(pid=2**22 + 1))
        command = [sys.executable, "-c", TAKING_OVER, str(time.time() + 1.5)]
        processes = [subprocess.Popen(command, cwd=tmp_path) for _ in range(5)]
        assert [process.wait(timeout=60) for process in processes] == [0] * 5
        assert (tmp_path / "counter").read_text() == "5"
        assert [path.name for path in tmp_path.iterdir()] == ["counter"]


def test_who_is_waited_for_is_said_after_a_while_and_given_up_at_last(
    lock: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locks, "_SECONDS_TO_SAY", 0.1)
    monkeypatch.setattr(locks, "_SECONDS_TO_GIVE_UP", 0.4)
    with held_locks([lock]), pytest.raises(FolderInUseError), awaited_lock(lock):
        pass
    assert caplog.text.count(f"Waiting: {lock.parent} is being worked on by process") == 1


def test_only_dead_locks_are_removed(lock: Path) -> None:
    dead, elsewhere = lock.with_name("dead"), lock.with_name("elsewhere")
    dead.write_text(owner(pid=2**22 + 1))
    elsewhere.write_text(ELSEWHERE)
    with held_locks([lock]):
        remove_dead_locks([dead, elsewhere, lock, lock.with_name("none")])
        assert {path.name for path in lock.parent.iterdir()} == {lock.name, "elsewhere"}


@pytest.mark.skipif(os.name == "nt", reason="needs advisory locks")
def test_who_wants_a_dead_lock_is_not_kept_from_it_by_who_tidies(lock: Path) -> None:
    """As when a killed task is submitted again while another one ends or begins."""
    done = threading.Event()

    def tidy() -> None:
        while not done.is_set():
            remove_dead_locks([lock])

    tidying = threading.Thread(target=tidy)
    tidying.start()
    try:
        for _ in range(300):
            lock.write_text(owner(pid=2**22 + 1))
            with held_locks([lock]):
                assert json.loads(lock.read_bytes())["pid"] == os.getpid()
    finally:
        done.set()
        tidying.join()
