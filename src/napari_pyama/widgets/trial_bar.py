"""Run the steps up to one on the FOV in view, with progress and cancel."""

from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_warning
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_pyama.notices import as_html, notify_error
from napari_pyama.previews import Request
from napari_pyama.session import Session
from napari_pyama.shown import hide_raw, show_labels, show_layers
from napari_pyama.task import Task
from napari_pyama.trial import TrialResult, run_trial
from napari_pyama.widgets.wrapped_label import WrappedLabel
from pyama_core.errors import sentence_of


class TrialBar(QWidget):
    """A button that runs a step on all frames of the FOV in view.

    Parameters
    ----------
    step
        Name of the last step that is run.
    request
        Gives what is in view; None where nothing is open.
    """

    traced = Signal(object)
    """The trace table of a trial that went that far."""
    done = Signal()
    """The results are shown."""

    def __init__(
        self, viewer: Any, session: Session, step: str, request: Callable[[], Request | None]
    ) -> None:
        super().__init__()
        self._viewer, self._session, self._step, self._request = viewer, session, step, request
        self.run = QPushButton("Run on this FOV")
        self.run.setToolTip(
            "Run all steps up to this one on every frame of the field of view in view."
        )
        self.cancel = QPushButton("Cancel")
        self.bar = QProgressBar()
        self.message = WrappedLabel()
        self.task = Task()
        self._lay_out()
        self._connect()
        self._show_running(False)

    def close_down(self) -> None:
        """Stop what runs."""
        self.task.close()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.run)
        buttons.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(buttons)
        column.addWidget(self.bar)
        column.addWidget(self.message)

    def _connect(self) -> None:
        self.run.clicked.connect(self.start)
        self.cancel.clicked.connect(self._on_cancel)
        self.task.reported.connect(self._on_progress)
        self.task.succeeded.connect(self._on_result)
        self.task.failed.connect(self._on_failed)
        self.task.cancelled.connect(lambda: self.message.setText("Cancelled."))
        self.task.finished.connect(lambda: self._show_running(False))

    def start(self) -> None:
        """Start the trial, unless one is going on."""
        request = self._request()
        if request is None:
            show_warning("There is nothing to run on: open an ND2 file or an image first.")
            return
        if self.task.running:
            return
        step, scratch = self._step, self._session.scratch
        self._show_running(True)
        self.message.setText(f"Running on FOV {request.view.fov}…")
        self.task.start(lambda report, cancel: run_trial(request, step, scratch, report, cancel))

    def _on_cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.message.setText("Cancelling…")
        self.task.cancel()

    def _on_progress(self, event: dict[str, Any]) -> None:
        if not self.cancel.isEnabled():
            return
        self.bar.setMaximum(event["T"])
        self.bar.setValue(event["t"] + 1)
        self.message.setText(f"{event['step']}: {event['message']}")

    def _on_result(self, result: TrialResult) -> None:
        show_layers(self._viewer, result.layers)
        hide_raw(self._viewer, result.layers, result.replaced)
        show_labels(self._viewer, result.layers, result.labels)
        self._session.scratch_changed.emit(result.fov)
        where = "the results are in the layer list" if result.layers else "all frames are copied"
        said = [f"Done: {where}.", *map(as_html, result.notes)]
        self.message.setText("<br>".join(said))
        self.done.emit()
        if result.traces:
            self.traced.emit(result.traces)

    def _on_failed(self, error: BaseException) -> None:
        self.message.setText(as_html(f"Failed: {sentence_of(error)}"))
        notify_error(error)

    def _show_running(self, running: bool) -> None:
        self.run.setEnabled(not running)
        self.cancel.setVisible(running)
        self.cancel.setEnabled(running)
        self.bar.setVisible(running)
