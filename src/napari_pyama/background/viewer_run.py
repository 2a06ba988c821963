"""The complete run of one viewer: under way whether or not a dock shows it."""

import threading
import time
import weakref
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

from napari.utils.notifications import show_warning
from qtpy.QtCore import QCoreApplication, QEvent, QObject, Signal

from napari_pyama.background.run import RunPlan, RunRequest, execute, messages_of, plan_run
from napari_pyama.background.run_progress import RunProgress
from napari_pyama.background.task import ActivityBar, NewestOnly, Report, Task
from napari_pyama.layers.raw import LayerTuple
from napari_pyama.layers.results import expected_files, layers_of_results
from napari_pyama.session.view import view_of
from napari_pyama.session.viewer_layers import show_layers
from napari_pyama.session.viewer_registry import PerViewer
from napari_pyama.widgets.messages import as_html, counted, notify, notify_error
from pyama_core.errors import sentence_of
from pyama_core.messages import Message

PARTS: Final = 1000
"""Parts of a progress bar."""

_LOAD_EVERY_SECONDS: Final = 1.0
"""Results of a run under way are not looked for more often."""
_SHARE_FOR_SHOWING: Final = 0.1
"""Most of the GUI thread's time that new results of a run under way may take."""
_MOST_FAILURES: Final = 5
"""Failures that the message lists; all of them stand in the table."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """Whether all FOVs are done, and what a user should know of each."""

    success: bool
    messages: dict[int, list[Message]]


class ViewerRun(QObject):
    """Runs the workflow for one viewer and shows results in it as FOVs are done.

    Attributes
    ----------
    progress
        How far the run is, or how far the last one got.
    message
        The same in words, how it ended included; HTML.
    cancelling
        Whether the run has been asked to stop and has not stopped yet.
    """

    changed = Signal()
    """Progress or message has changed, or the run has begun or ended."""
    ended = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._request: RunRequest | None = None
        self._has_new_results = False
        self._load_after = 0.0
        self.progress = RunProgress({})
        self.message = ""
        self.cancelling = False
        self.task = Task(self, key=_fov_of)
        self.loading = NewestOnly(quiet_ms=50, parent=self)
        self._activity = ActivityBar(self.cancel)
        self._connect()
        self._end_with_window()

    def _connect(self) -> None:
        self.loading.done.connect(self._on_results)
        self.loading.failed.connect(notify_error)
        self.task.reported.connect(self._on_event)
        self.task.caught_up.connect(self._on_caught_up)
        self.task.succeeded.connect(self._on_done)
        self.task.failed.connect(self._on_failed)
        self.task.cancelled.connect(self._on_cancelled)
        self.task.finished.connect(self._on_finished)

    def _end_with_window(self) -> None:
        window = self._window()
        if window is not None:
            window.installEventFilter(self)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.close)

    def _window(self) -> Any:
        """Return the viewer's window, which this must not keep alive; None where there is none."""
        return getattr(getattr(self._viewer(), "window", None), "_qt_window", None)

    def eventFilter(self, watched: Any, event: QEvent | None) -> bool:
        """Stop when the window is closed."""
        if event is not None and event.type() == QEvent.Type.Hide and not event.spontaneous():
            self.close()
        return False

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self.task.running

    def start(self, request: RunRequest) -> None:
        """Start a run, unless one is under way."""
        if self.running:
            return
        self._request, self.cancelling = request, False
        self.progress, self.message = RunProgress({}), "Starting…"
        self.task.start(lambda report, cancel: _plan_and_execute(request, report, cancel))
        self.changed.emit()
        self._activity = ActivityBar(self.cancel)
        self._activity.open(f"Running {request.source.metadata.base_name}", PARTS)

    def cancel(self) -> None:
        """Have the run stop; what is done is kept."""
        if self.running:
            self.cancelling, self.message = True, "Cancelling…"
            self.task.cancel()
            self.changed.emit()

    def close(self) -> None:
        """Stop for good; what is done is kept."""
        self.task.close()
        self.loading.close()
        self._activity.close()

    def leave_alone(self) -> None:
        """Tell the user where a run is to be found that no dock shows any more."""
        window = self._window()
        if self.running and window is not None and window.isVisible():
            notify("The run continues: see activity below, or open its dock again.")

    def _on_event(self, event: Any) -> None:
        if isinstance(event, RunPlan):
            self.progress = RunProgress.of_steps(event.steps)
        elif self.progress.take(event) is not None:
            self._has_new_results = True

    def _on_caught_up(self) -> None:
        """Show how far the run is, on napari's bar last: that processes events."""
        if not self.cancelling:
            self.message = as_html(self.progress.note or self.progress.in_words())
        self.changed.emit()
        if self._has_new_results and not self.loading.busy and time.monotonic() > self._load_after:
            self._load_results()
        self._activity.show(round(PARTS * self.progress.share))

    def _load_results(self) -> None:
        request, viewer = self._request, self._viewer()
        if request is None or viewer is None:
            return
        self._has_new_results = False
        view = view_of(viewer)
        fov = view.fov if view is not None and view.source is request.source else 0
        self.loading.request(lambda: _results(request, fov))

    def _on_results(self, layers: list[LayerTuple]) -> None:
        viewer, began = self._viewer(), time.monotonic()
        if viewer is not None:
            show_layers(viewer, layers)
        took = time.monotonic() - began
        pause = max(_LOAD_EVERY_SECONDS, took / _SHARE_FOR_SHOWING)
        self._load_after = time.monotonic() + pause

    def _on_done(self, ended: _Ended) -> None:
        self.progress.end(ended.success, ended.messages)
        self.message = _end_in_words(self.progress)
        name = self._request.source.metadata.base_name if self._request else ""
        if ended.success:
            notify(f"All FOVs of {name} are done.")
        else:
            n_failed = counted(len(self.progress.failures), "FOV")
            show_warning(f"{n_failed} of {name} failed: the dock of the run says why.")

    def _on_failed(self, error: BaseException) -> None:
        self.message = as_html(f"The run failed: {sentence_of(error)}")
        notify_error(error)

    def _on_cancelled(self) -> None:
        self.message = "Cancelled; what was done is kept, and Resume continues from there."

    def _on_finished(self) -> None:
        self.cancelling = False
        self._activity.close()
        if self.progress.fovs:
            self._load_results()
        self.changed.emit()
        self.ended.emit()


run_of = PerViewer(ViewerRun)
"""Gives the run of a viewer; the same each time."""


def _fov_of(event: Any) -> Hashable:
    """Return what an event is of: a FOV, or the run as a whole."""
    return "plan" if isinstance(event, RunPlan) else event["fov"]


def _plan_and_execute(request: RunRequest, report: Report, cancel: threading.Event) -> _Ended:
    report(plan_run(request))
    success = execute(request, report, cancel)
    return _Ended(success, messages_of(request))


def _results(request: RunRequest, fov: int) -> list[LayerTuple]:
    return layers_of_results(request.source, expected_files(request.layout()), fov)


def _end_in_words(progress: RunProgress) -> str:
    """Say how a run ended: what failed and why, and where to look for warnings."""
    lines = _failures_in_words(progress.failures)
    if not lines:
        lines = ["All FOVs are done; the results are in the layer list."]
    if doubtful := progress.fovs_with_warnings:
        lines.append(f"There are warnings for {counted(len(doubtful), 'FOV')}: see the table.")
    return "<br>".join(lines)


def _failures_in_words(failures: dict[int, str]) -> list[str]:
    if not failures:
        return []
    listed = list(failures.items())[:_MOST_FAILURES]
    lines = [f"{counted(len(failures), 'FOV')} failed:"]
    lines += [f"FOV {fov} {as_html(why)}" for fov, why in listed]
    more = len(failures) - len(listed)
    return [*lines, f"and {more} more: the table says why."] if more else lines
