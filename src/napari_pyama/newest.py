"""Compute off the GUI thread; of several requests only the newest counts."""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

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
