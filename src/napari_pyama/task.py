"""A long piece of work in a thread that reports, can be cancelled, and always finishes."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import FunctionWorker, create_worker
from qtpy.QtCore import QObject, Signal

from pyama_core.processing.stack import Tick

Report = Callable[[Any], None]
"""Hands an event over to the GUI thread."""
Work = Callable[[Report, threading.Event], Any]
"""Does the work; looks at the event to learn that it is to stop."""


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


class _Worker(FunctionWorker[_Outcome]):
    """A worker that can be stopped: napari asks all of them to quit before it waits for them."""

    cancel: threading.Event

    def quit(self) -> None:
        """Have the work stop."""
        self.cancel.set()
        super().quit()

    def run(self) -> None:
        """Do the work, unless asked to quit before: nobody waits for a thread that starts then."""
        if not self.abort_requested:
            super().run()


class Task(QObject):
    """One piece of work at a time; every signal arrives on the GUI thread.

    `succeeded`, `failed` or `cancelled` comes exactly once per start, then `finished`.
    """

    reported = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    finished = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker: _Worker | None = None
        self._cancel = threading.Event()
        self._closed = False

    @property
    def running(self) -> bool:
        """Whether work is going on."""
        return self._worker is not None

    def start(self, work: Work) -> None:
        """Start the work in a napari thread worker."""
        assert not self.running
        cancel = self._cancel = threading.Event()
        self._worker = create_worker(
            _outcome_of, work, self.reported.emit, cancel, _worker_class=_Worker
        )
        self._worker.cancel = cancel
        self._worker.returned.connect(self._on_returned)
        self._worker.start()

    def cancel(self) -> None:
        """Ask the work to stop; `cancelled` follows when it has."""
        self._cancel.set()

    def close(self) -> None:
        """Stop the work and report nothing more."""
        self._closed = True
        self.blockSignals(True)
        self.cancel()

    def _on_returned(self, outcome: _Outcome) -> None:
        self._worker = None
        if self._closed:
            return
        if isinstance(outcome.error, InterruptedError):
            self.cancelled.emit()
        elif outcome.error is not None:
            self.failed.emit(outcome.error)
        else:
            self.succeeded.emit(outcome.value)
        self.finished.emit()


def _outcome_of(work: Work, report: Report, cancel: threading.Event) -> _Outcome:
    try:
        return _Outcome(value=work(report, cancel))
    except Exception as error:
        return _Outcome(error=error)
