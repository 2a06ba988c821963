"""A long piece of work in a thread that reports, can be cancelled, and always finishes.

All progress in the plugin takes this way: the thread leaves its events in a mailbox that keeps the
newest of each key, and a timer on the GUI thread empties it. However long that thread is held up,
there is nothing to catch up with, and no slot runs once per event.
"""

import contextlib
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from napari.qt.threading import FunctionWorker, create_worker
from napari.utils import cancelable_progress
from qtpy.QtCore import QObject, QThreadPool, QTimer, Signal

from pyama_core.processing.stack import Tick

Report = Callable[[Any], None]
"""Leaves an event for the GUI thread."""
Work = Callable[[Report, threading.Event], Any]
"""Does the work; looks at the event to learn that it is to stop."""

_BAR_FORMAT: Final = "{desc}: {percentage:.0f} %|{remaining} left"
"""napari shows what comes after the bar beside its own; the rest is for a terminal."""
_LOOK_EVERY_MS: Final = 50
"""As often as a person sees a bar move."""


def tick_of(report: Report, cancel: threading.Event, event_of: Callable[[str, int], Any]) -> Tick:
    """Make what the core's slow functions call at each step: it reports, or raises to stop.

    Parameters
    ----------
    event_of
        Turns a message and a number of the core into what is reported.
    """

    def tick(message: str, number: int) -> None:
        if cancel.is_set():
            raise InterruptedError
        report(event_of(message, number))

    return tick


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None


class _Mailbox:
    """Keeps the newest event of each key until it is fetched; the newest of all comes last."""

    def __init__(self, key: Callable[[Any], Hashable]) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._events: dict[Hashable, Any] = {}

    def put(self, event: Any) -> None:
        key = self._key(event)
        with self._lock:
            self._events.pop(key, None)
            self._events[key] = event

    def fetch(self) -> list[Any]:
        with self._lock:
            events, self._events = self._events, {}
        return list(events.values())


class _Job:
    """One call of the work: what it reports and how it ended."""

    def __init__(self, work: Work, key: Callable[[Any], Hashable]) -> None:
        self._work = work
        self.events = _Mailbox(key)
        self.cancel = threading.Event()
        self.outcome: _Outcome | None = None

    def run(self) -> None:
        try:
            self.outcome = _Outcome(value=self._work(self.events.put, self.cancel))
        except BaseException as error:  # whatever it is, the user is to see the end
            self.outcome = _Outcome(error=error)


class _Worker(FunctionWorker[None]):
    """A worker that can be stopped: napari asks all of them to quit before it waits for them."""

    job: _Job

    def quit(self) -> None:
        """Have the work stop."""
        self.job.cancel.set()
        super().quit()

    def run(self) -> None:
        """Do the work, unless asked to quit before: nobody waits for a thread that starts then.

        The pool has a thread per processor. Ours mostly wait, some for hours, and give theirs
        back meanwhile, so that a run on a small machine does not keep a file from being opened.
        """
        if self.abort_requested:
            self.job.outcome = _Outcome(error=InterruptedError())
            return
        pool = QThreadPool.globalInstance()
        pool.releaseThread()
        try:
            super().run()
        finally:
            pool.reserveThread()


def _one_key(_event: Any) -> Hashable:
    return None


class Task(QObject):
    """One piece of work at a time; every signal arrives on the GUI thread.

    `succeeded`, `failed` or `cancelled` comes exactly once per start, then `finished`.

    Parameters
    ----------
    key
        What an event is of: of several events of one key that wait, only the newest is reported.
        All events have the same key where it is not given.
    """

    reported = Signal(object)
    """The newest event of a key."""
    caught_up = Signal()
    """All that waited has been reported: the time to draw."""
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    finished = Signal()

    def __init__(
        self, parent: QObject | None = None, key: Callable[[Any], Hashable] = _one_key
    ) -> None:
        super().__init__(parent)
        self._key = key
        self._job: _Job | None = None
        self._looking = False
        self._closed = False
        self._timer = QTimer(self, interval=_LOOK_EVERY_MS)
        self._timer.timeout.connect(self._on_time_to_look)

    @property
    def running(self) -> bool:
        """Whether work is under way, or its end has not been reported yet."""
        return self._job is not None

    def start(self, work: Work) -> None:
        """Start the work in a napari thread worker."""
        assert not self.running
        self._job = _Job(work, self._key)
        worker = create_worker(self._job.run, _worker_class=_Worker)
        worker.job = self._job
        worker.start()
        self._timer.start()

    def cancel(self) -> None:
        """Ask the work to stop; `cancelled` follows when it has."""
        if self._job is not None:
            self._job.cancel.set()

    def close(self) -> None:
        """Stop the work and report nothing more."""
        self._closed = True
        self._timer.stop()
        self.blockSignals(True)
        self.cancel()

    def _on_time_to_look(self) -> None:
        """Report what is new; who draws it may process events, from which this may be called."""
        job = self._job
        if self._looking or job is None:
            return
        self._looking = True
        try:
            outcome = job.outcome  # before the events: none of this job comes after it
            self._report(job.events.fetch())
        finally:
            self._looking = False
        if outcome is not None:
            self._on_returned(outcome)

    def _report(self, events: list[Any]) -> None:
        for event in events:
            self.reported.emit(event)
        if events:
            self.caught_up.emit()

    def _on_returned(self, outcome: _Outcome) -> None:
        self._timer.stop()
        self._job = None
        if self._closed:
            return
        if isinstance(outcome.error, InterruptedError):
            self.cancelled.emit()
        elif outcome.error is not None:
            self.failed.emit(outcome.error)
        else:
            self.succeeded.emit(outcome.value)
        self.finished.emit()


class ActivityBar:
    """A bar in napari's activity dock, with a button that cancels.

    napari processes events while it makes or moves one: the work may end meanwhile and close the
    bar, or try to move it again.

    Parameters
    ----------
    cancel
        Called when the user clicks on Cancel.
    """

    def __init__(self, cancel: Callable[[], Any]) -> None:
        self._cancel = cancel
        self._bar: Any = None
        self._closed = False
        self._drawing = False

    def open(self, title: str, total: int) -> None:
        """Show the bar; `total` is 0 where nobody knows how long it takes."""
        bar = cancelable_progress(
            total=total, desc=title, cancel_callback=self._cancel, bar_format=_BAR_FORMAT
        )
        self._bar = bar
        if self._closed:
            bar.close()

    def show(self, value: int) -> None:
        """Move the bar."""
        if self._drawing or self._closed or self._bar is None:
            return
        self._drawing = True
        try:
            self._bar.update(value - self._bar.n)
        finally:
            self._drawing = False

    def close(self) -> None:
        """Take the bar out."""
        self._closed = True
        if self._bar is not None:
            self._bar.close()


Compute = Callable[[], Any]


class NewestOnly(QObject):
    """Runs requested computations one at a time in a thread and reports on the GUI thread.

    Requests wait for a moment of quiet; one that is overtaken by a newer request is dropped,
    before it starts or when it is done.

    Parameters
    ----------
    quiet_ms
        How long requests must pause before the newest one is started.
    """

    done = Signal(object)
    failed = Signal(object)
    _arrived = Signal(object)

    def __init__(self, quiet_ms: int = 60, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pyama-preview")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(quiet_ms)
        self._timer.timeout.connect(self._start)
        self._arrived.connect(self._on_arrived)
        self._waiting: Compute | None = None
        self._running = False
        self._overtake = False
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a request is waiting or running."""
        return self._running or self._waiting is not None

    def request(self, compute: Compute) -> None:
        """Have `compute` called in the thread, unless a newer request comes before."""
        if not self._closed:
            self._waiting = compute
            self._timer.start()

    def drop(self) -> None:
        """Forget what waits; what runs is not reported."""
        self._waiting = None
        self._timer.stop()
        self._overtake = True

    def close(self) -> None:
        """Forget everything and let the thread end."""
        self._closed = True
        self.drop()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        if self._running or self._waiting is None:
            return
        compute, self._waiting = self._waiting, None
        self._running, self._overtake = True, False
        self._thread.submit(compute).add_done_callback(self._hand_over)

    def _hand_over(self, future: "Future[Any]") -> None:
        with contextlib.suppress(RuntimeError):
            self._arrived.emit(future)

    def _on_arrived(self, future: "Future[Any]") -> None:
        self._running = False
        if self._closed:
            return
        overtaken = self._overtake or self._waiting is not None
        self._start_when_quiet()
        if overtaken or future.cancelled():
            return
        error = future.exception()
        if error is not None:
            self.failed.emit(error)
        else:
            self.done.emit(future.result())

    def _start_when_quiet(self) -> None:
        if not self._timer.isActive():
            self._start()
