"""Locks: one holder at a time, dead ones give way, and nobody waits for a process that is gone."""

import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pyama_core.errors import InputError
from pyama_core.processing.workflow.locks import (
    STALE_SECONDS,
    FolderInUseError,
    awaited_lock,
    held_locks,
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
    def full(content: object, file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(InputError, match="No space left on device"), held_locks([lock]):
        pass
    assert not list(lock.parent.iterdir())


def owner(**changes: object) -> str:
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": 0.0} | changes)


@pytest.mark.parametrize(
    ("content", "age_seconds", "is_held"),
    [
        ("", 0, True),
        ("", STALE_SECONDS + 1, False),
        (owner(), 0, False),
        (owner(host="elsewhere"), STALE_SECONDS - 5, True),
        (owner(host="elsewhere"), STALE_SECONDS + 1, False),
    ],
)
def test_a_lock_counts_while_its_owner_lives_or_its_heart_beats(
    lock: Path, content: str, age_seconds: float, is_held: bool
) -> None:
    """One that is empty is being written; one of this process but another start is not ours."""
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
