"""Long work in a thread: one outcome each, cancelled when asked, silent when closed."""

import threading

import pytest

from napari_pyama.task import Task


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


def test_reports_arrive_on_the_gui_thread_in_order(task, qtbot):
    seen = []
    task.reported.connect(lambda event: seen.append((event, threading.get_ident())))
    run(task, qtbot, lambda report, cancel: [report(n) for n in range(5)])
    assert seen == [(n, threading.get_ident()) for n in range(5)]


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
