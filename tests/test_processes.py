"""Whether the process that left something still runs: never by its number alone."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pyama_core import processes
from pyama_core.processes import ProcessId, as_json, is_running, process_from_json, this_process

needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def identity_of(pid: int) -> ProcessId:
    return processes._identity.__wrapped__(pid)


def test_this_process_runs() -> None:
    assert is_running(this_process())


def test_a_process_runs_until_it_is_killed_even_where_nobody_asked_for_it(
    other: subprocess.Popen[bytes],
) -> None:
    """Between the kill and the parent's `wait` it is a zombie."""
    identity = identity_of(other.pid)
    assert is_running(identity)
    other.kill()
    deadline = time.monotonic() + 10
    while is_running(identity) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_running(identity) is False


def test_a_number_that_was_given_again_is_another_process() -> None:
    assert is_running(replace(this_process(), started="1")) is False


@needs_proc
def test_setting_the_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process's start comes from the system's ticks, so no time of day may be asked for."""

    def no_clock(*given: object) -> float:
        raise AssertionError("the time of day was asked for")

    identity = this_process()
    monkeypatch.setattr(time, "time", no_clock)
    monkeypatch.setattr("psutil.boot_time", no_clock)
    assert is_running(identity)
    assert identity_of(os.getpid()) == identity


@pytest.mark.parametrize("change", [{"boot": "another"}, {"namespace": "7"}])
def test_processes_of_other_machines_and_containers_cannot_be_seen(change: dict[str, str]) -> None:
    assert is_running(replace(this_process(), **change)) is None


@needs_proc
def test_a_machine_that_was_given_another_name_is_the_same() -> None:
    if not this_process().boot:
        pytest.skip("this system does not tell one start from another")
    assert is_running(replace(this_process(), host="renamed"))


@needs_proc
def test_a_process_that_the_system_hides_is_not_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hidden(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", hidden)
    assert is_running(replace(this_process(), pid=2**22 + 1)) is None


def test_what_is_written_is_read_back() -> None:
    assert process_from_json(as_json(this_process())) == this_process()


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "text",
        {},
        {"pid": "1"},
        as_json(this_process()) | {"pid": True},
        as_json(this_process()) | {"pid": -1},
        as_json(this_process()) | {"pid": 10**30},
        as_json(this_process()) | {"started": 1.5},
        as_json(this_process()) | {"host": None},
    ],
)
def test_anything_else_names_no_process(content: Any) -> None:
    assert process_from_json(content) is None
