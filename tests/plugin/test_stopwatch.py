"""The stopwatch that the other tests trust."""

import os
import subprocess
import sys
import threading
import time

import pytest

from napari_pyama.background.task import Task
from tests.plugin.moment import Moment
from tests.plugin.stopwatch import Stopwatch, timed

CROWD = 2 * (os.cpu_count() or 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems tell no waiting")
def test_a_callback_that_only_waits_is_caught(monkeypatch, qapp):
    monkeypatch.setattr(Task, "_on_returned", lambda self, outcome: time.sleep(0.08))
    stopwatch = Stopwatch(monkeypatch)
    Task()._on_returned(None)
    assert stopwatch.longest["Task._on_returned"] >= 75


def test_a_callback_that_computes_is_caught(monkeypatch, qapp):
    monkeypatch.setattr(Task, "_on_returned", lambda self, outcome: _compute(0.08))
    stopwatch = Stopwatch(monkeypatch)
    Task()._on_returned(None)
    assert stopwatch.longest["Task._on_returned"] >= 75


@timed
def test_looking_at_the_clock_makes_no_callback_slow(monkeypatch, qapp):
    monkeypatch.setattr(Task, "_on_finished", lambda self: None, raising=False)
    monkeypatch.setattr(
        Task, "_on_returned", lambda self, outcome: [self._on_finished() for _ in range(100)]
    )
    stopwatch = Stopwatch(monkeypatch)
    crowd = [threading.Thread(target=time.sleep, args=(1,)) for _ in range(40)]
    for thread in crowd:
        thread.start()
    Task()._on_returned(None)
    for thread in crowd:
        thread.join()
    assert stopwatch.longest["Task._on_returned"] < 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems tell no waiting")
@timed
def test_a_busy_machine_makes_no_callback_slow():
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(CROWD)]
    try:
        time.sleep(0.3)
        began = Moment.now()
        _compute(0.1)
        assert 0.09 <= began.held() < 0.13
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
