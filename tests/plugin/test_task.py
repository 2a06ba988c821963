"""Long work in a thread: one outcome each, cancelled when asked, silent when closed."""

import sys
import threading
import time

import pytest
from qtpy.QtCore import QThreadPool
from qtpy.QtWidgets import QApplication

from napari_pyama.background import task as task_module
from napari_pyama.background.task import ActivityBar, Task


@pytest.fixture
def task(qapp):
    work = Task()
    yield work
    work.close()


def outcomes(task):
    seen = []
    task.succeeded.connect(lambda value: seen.append(("succeeded", value)))
    task.failed.connect(lambda error: seen.append(("failed", str(error))))
    task.cancelled.connect(lambda: seen.append(("cancelled", None)))
    task.finished.connect(lambda: seen.append("finished"))
    return seen


def run(task, qtbot, work):
    with qtbot.waitSignal(task.finished):
        task.start(work)


def test_a_value_arrives_once_and_then_the_end(task, qtbot):
    seen = outcomes(task)
    run(task, qtbot, lambda report, cancel: 5)
    assert seen == [("succeeded", 5), "finished"]
    assert not task.running


def test_an_error_arrives_as_such(task, qtbot):
    seen = outcomes(task)

    def fail(report, cancel):
        raise ValueError("too small")

    run(task, qtbot, fail)
    assert seen == [("failed", "too small"), "finished"]


def test_the_newest_report_of_each_key_arrives_on_the_gui_thread(qapp, qtbot):
    task, seen = Task(key=lambda event: event[0]), []
    task.reported.connect(lambda event: seen.append((event, threading.get_ident())))
    events = [("a", 1), ("b", 1), ("b", 2), ("a", 2)]
    run(task, qtbot, lambda report, cancel: [report(event) for event in events])
    assert seen == [(("b", 2), threading.get_ident()), (("a", 2), threading.get_ident())]


def test_a_gui_thread_held_up_has_nothing_to_catch_up_with(task, qtbot):
    """Drawing processes events, as napari's bar does: it neither nests nor loses the end."""
    depth, deepest, seen = [], [], outcomes(task)

    def draw():
        depth.append(1)
        deepest.append(len(depth))
        time.sleep(0.2)
        QApplication.processEvents()
        depth.pop()

    def work(report, cancel):
        for n in range(20_000):
            report(n)
            if n % 100 == 0:
                time.sleep(0.005)
        return n

    task.caught_up.connect(draw)
    run(task, qtbot, work)
    assert max(deepest) == 1
    assert len(deepest) < 20
    assert seen == [("succeeded", 19_999), "finished"]


def test_work_that_ends_while_its_progress_is_drawn_is_seen_to_end_once(task, qtbot):
    seen, go_on = outcomes(task), threading.Event()

    def draw():
        go_on.set()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            QApplication.processEvents()

    task.caught_up.connect(draw)
    run(task, qtbot, lambda report, cancel: (report(1), go_on.wait(5), report(2)) and 7)
    assert seen == [("succeeded", 7), "finished"]


def test_even_work_that_exits_ends(task, qtbot):
    seen = outcomes(task)
    run(task, qtbot, lambda report, cancel: sys.exit(3))
    assert seen == [("failed", "3"), "finished"]


def test_work_that_waits_takes_no_thread_from_other_work(qapp, qtbot):
    pool = QThreadPool.globalInstance()
    tasks = [Task() for _ in range(pool.maxThreadCount() + 2)]
    begun = []
    for task in tasks:
        task.start(lambda report, cancel: (begun.append(1), cancel.wait(20)))
    qtbot.waitUntil(lambda: len(begun) == len(tasks))
    for task in tasks:
        task.cancel()
    qtbot.waitUntil(lambda: not any(task.running for task in tasks))
    qtbot.waitUntil(lambda: pool.activeThreadCount() == 0)


class _Bar:
    """Stands for napari's bar: it processes events whenever it is made or moved."""

    def __init__(self, meanwhile):
        self.n, self.closed, self._meanwhile = 0, 0, meanwhile

    def update(self, n):
        assert not self.closed
        self.n += n
        self._meanwhile()

    def close(self):
        self.closed += 1


def test_a_bar_that_is_closed_while_it_is_made_does_not_stay(monkeypatch):
    bar, activity = _Bar(None), ActivityBar(lambda: None)

    def make(**_):
        activity.close()
        return bar

    monkeypatch.setattr(task_module, "cancelable_progress", make)
    activity.open("work", 10)
    assert bar.closed
    activity.show(5)


def test_a_bar_is_not_moved_while_it_moves(monkeypatch):
    activity = ActivityBar(lambda: None)
    bar = _Bar(lambda: activity.show(9))
    monkeypatch.setattr(task_module, "cancelable_progress", lambda **_: bar)
    activity.open("work", 10)
    activity.show(5)
    assert bar.n == 5
    activity.show(9)
    assert bar.n == 9


def test_work_that_is_cancelled_says_so(task, qtbot):
    seen = outcomes(task)

    def work(report, cancel):
        cancel.wait(5)
        raise InterruptedError

    task.start(work)
    with qtbot.waitSignal(task.finished):
        task.cancel()
    assert seen == [("cancelled", None), "finished"]


def test_closing_stops_the_work_and_reports_nothing(task, qtbot):
    seen, ended = outcomes(task), threading.Event()
    task.start(lambda report, cancel: cancel.wait(5) and ended.set())
    task.close()
    qtbot.waitUntil(ended.is_set)
    qtbot.wait(50)
    assert seen == []
