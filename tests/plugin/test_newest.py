"""Computing off the GUI thread: the newest request wins, closing is clean."""

import threading

import pytest

from napari_pyama.background.task import NewestOnly


@pytest.fixture
def newest(qapp):
    computing = NewestOnly(quiet_ms=10)
    yield computing
    computing.close()


def test_a_request_is_computed_in_another_thread(newest, qtbot):
    with qtbot.waitSignal(newest.done) as seen:
        newest.request(threading.get_ident)
    assert seen.args[0] != threading.get_ident()


def test_requests_in_quick_succession_are_one(newest, qtbot):
    computed, seen = [], []
    newest.done.connect(seen.append)
    for number in range(20):
        newest.request(lambda number=number: computed.append(number) or number)
    qtbot.waitUntil(lambda: not newest.busy)
    assert computed == [19]
    assert seen == [19]


def test_a_result_that_is_overtaken_is_not_reported(newest, qtbot):
    seen, go_on, begun = [], threading.Event(), threading.Event()
    newest.done.connect(seen.append)
    newest.request(lambda: begun.set() or (go_on.wait(5) and "old"))
    qtbot.waitUntil(begun.is_set)
    newest.request(lambda: "new")
    go_on.set()
    qtbot.waitUntil(lambda: not newest.busy)
    assert seen == ["new"]


def test_an_error_is_reported_and_the_next_request_works(newest, qtbot):
    with qtbot.waitSignal(newest.failed) as failed:
        newest.request(lambda: 1 / 0)
    assert isinstance(failed.args[0], ZeroDivisionError)
    with qtbot.waitSignal(newest.done):
        newest.request(lambda: 1)


def test_nothing_is_reported_after_it_was_dropped_or_closed(newest, qtbot):
    seen, go_on, begun = [], threading.Event(), threading.Event()
    newest.done.connect(seen.append)
    newest.request(lambda: begun.set() or go_on.wait(5))
    qtbot.waitUntil(begun.is_set)
    newest.drop()
    newest.close()
    newest.request(lambda: "late")
    go_on.set()
    qtbot.wait(100)
    assert seen == []
