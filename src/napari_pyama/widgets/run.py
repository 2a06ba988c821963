"""The dock that runs the complete workflow on many FOVs."""

from dataclasses import dataclass
from typing import Any

from napari.utils import cancelable_progress
from napari.utils.notifications import show_warning
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton

from napari_pyama.counted import counted
from napari_pyama.layers import LayerTuple
from napari_pyama.newest import NewestOnly
from napari_pyama.notices import notify_error
from napari_pyama.result_layers import expected_files, layers_of_results
from napari_pyama.run_progress import RunProgress, size
from napari_pyama.run_request import RunPlan, RunRequest, execute, notes_of, plan_run
from napari_pyama.shown import show_layers
from napari_pyama.task import Task
from napari_pyama.view import view_of
from napari_pyama.widgets.dock import Dock
from napari_pyama.widgets.fov_table import FovTable
from napari_pyama.widgets.recipe_bar import RecipeBar
from napari_pyama.widgets.run_form import RunForm
from napari_pyama.widgets.step_dock import NOTHING_OPEN
from napari_pyama.widgets.wrapped_label import WrappedLabel
from pyama_core.errors import InputError, sentence_of
from pyama_core.processing.workflow.recipe import changed_settings

_PARTS = 1000
"""Parts of a progress bar."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """Whether all FOVs are done, and what a user should know of each."""

    success: bool
    notes: dict[int, list[str]]


class RunDock(Dock):
    """Runs the workflow on all FOVs while napari stays usable; results appear as FOVs finish."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.heading = WrappedLabel(NOTHING_OPEN)
        self.form = RunForm(self.session)
        self.recipe = WrappedLabel()
        self.recipe_bar = RecipeBar(self.session, self.request)
        self.disk = WrappedLabel()
        self.run = QPushButton("Run")
        self.cancel = QPushButton("Cancel")
        self.bar = QProgressBar()
        self.message = WrappedLabel()
        self.fovs = FovTable()
        self.progress = RunProgress({})
        self.task = Task()
        self.planning = NewestOnly(quiet_ms=300, parent=self)
        self.loading = NewestOnly(quiet_ms=200, parent=self)
        self._request: RunRequest | None = None
        self._plan: RunPlan | None = None
        self._activity: Any = None
        self._lay_out()
        self._connect()
        self._show_running(False)
        self.refresh()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.run)
        buttons.addWidget(self.cancel)
        for part in (self.heading, self.form, self.recipe, self.recipe_bar):
            self.column.addWidget(part)
        self.column.addWidget(self.fovs)
        self.footer.addWidget(self.disk)
        self.footer.addLayout(buttons)
        for part in (self.bar, self.message):
            self.footer.addWidget(part)

    def _connect(self) -> None:
        self.form.changed.connect(self.refresh_soon)
        self.run.clicked.connect(self.start)
        self.cancel.clicked.connect(self._on_cancel)
        self.planning.done.connect(self._on_planned)
        self.planning.failed.connect(self._on_plan_failed)
        self.loading.done.connect(self._on_results)
        self.loading.failed.connect(notify_error)
        self.task.reported.connect(self._on_progress)
        self.task.succeeded.connect(self._on_done)
        self.task.failed.connect(self._on_failed)
        self.task.cancelled.connect(self._on_cancelled)
        self.task.finished.connect(self._on_finished)
        self.session.recipe_changed.connect(self.refresh_soon)
        self.session.channels_changed.connect(self.refresh_soon)
        self.follow_viewer()

    def on_shut_down(self) -> None:
        """Cancel the run; what is done is saved."""
        self.task.close()
        self.planning.close()
        self.loading.close()
        self._end_activity()
        self.session.recipe_changed.disconnect(self.refresh_soon)
        self.session.channels_changed.disconnect(self.refresh_soon)

    def on_shown(self) -> None:
        """Find again what a run would do."""
        self.refresh()

    def refresh(self) -> None:
        """Follow the viewer and the form: find what a run would do and what it needs."""
        view = view_of(self.viewer)
        self.form.setEnabled(view is not None)
        if view is None:
            self.heading.setText(NOTHING_OPEN)
            return
        self.session.adopt(view.source)
        metadata = view.source.metadata
        self.heading.setText(f"<b>{metadata.base_name}</b>: {_in_short(metadata)}")
        self.recipe.setText(_recipe_in_short(changed_settings(self.session.recipe)))
        self.form.show_view(view)
        self._plan_again()

    def request(self) -> RunRequest:
        """Return the run that is asked for.

        Raises
        ------
        InputError
            Nothing is open, or something asked for is wrong.
        """
        view = view_of(self.viewer)
        if view is None:
            raise InputError("There is nothing to run on: open an ND2 file or an image first.")
        return self.form.request(view)

    def _plan_again(self) -> None:
        if self.task.running or not self.in_view:
            return
        try:
            request = self.request()
        except InputError as error:
            self._on_plan_failed(error)
            return
        if request != self._request:
            self._request, self._plan = request, None
            self.planning.request(lambda: plan_run(request))

    def _on_planned(self, plan: RunPlan) -> None:
        self._plan = plan
        self.disk.setText(_plan_in_words(plan))
        goes_on = plan.begun and _left(plan)
        self.run.setText(f"Resume ({counted(_left(plan), 'FOV')} left)" if goes_on else "Run")

    def _on_plan_failed(self, error: BaseException) -> None:
        self._request = None
        self.disk.setText(f"Cannot run: {error}")

    def start(self) -> None:
        """Start the run, unless one is going on."""
        if self.task.running:
            return
        try:
            request = self._request = self.request()
        except InputError as error:
            show_warning(str(error))
            return
        self._show_running(True)
        self.message.setText("Starting…")
        self.task.start(lambda report, cancel: _plan_and_execute(request, report, cancel))

    def _on_progress(self, event: Any) -> None:
        if isinstance(event, RunPlan):
            self._begin(event)
            return
        if self._activity is None:  # the dock was closed while this was on its way
            return
        ended = self.progress.take(event)
        self.fovs.fovs.refresh()
        self.bar.setValue(round(_PARTS * self.progress.share))
        self.message.setText(self.progress.note or self.progress.in_words())
        self._activity.update(self.bar.value() - self._activity.n)
        if ended is not None:
            self._load_results()

    def _begin(self, plan: RunPlan) -> None:
        self.progress = RunProgress.of_steps(plan.steps)
        self.fovs.fovs.show_progress(self.progress)
        self._activity = cancelable_progress(
            total=_PARTS, desc="PyAMA workflow", cancel_callback=self._on_cancel
        )
        if not self.task.running:  # napari draws while it makes the bar: the run can end meanwhile
            self._end_activity()

    def _load_results(self) -> None:
        request, view = self._request, view_of(self.viewer)
        if request is None:
            return
        fov = view.fov if view is not None and view.source is request.source else 0
        self.loading.request(lambda: _results(request, fov))

    def _on_results(self, layers: list[LayerTuple]) -> None:
        show_layers(self.viewer, layers)

    def _on_done(self, ended: _Ended) -> None:
        self._load_results()
        self.progress.note_of_fovs(ended.notes)
        self.fovs.fovs.refresh()
        failures = self.progress.failures
        if ended.success:
            self.message.setText("All FOVs are done; the results are in the layer list.")
            return
        lines = "<br>".join(f"FOV {fov} {why}" for fov, why in failures.items())
        failed = f"{counted(len(failures), 'FOV')} failed:"
        self.message.setText(f"{failed}<br>{lines}")
        show_warning(f"{failed} the dock says why.")

    def _on_failed(self, error: BaseException) -> None:
        self.message.setText(f"The run failed: {sentence_of(error)}")
        notify_error(error)

    def _on_cancelled(self) -> None:
        self.message.setText("Cancelled; what was done is kept, and Resume goes on from there.")

    def _on_cancel(self) -> None:
        self.message.setText("Cancelling…")
        self.task.cancel()

    def _on_finished(self) -> None:
        self._show_running(False)
        self._end_activity()
        self._request = None
        self._plan_again()

    def _end_activity(self) -> None:
        if self._activity is not None:
            self._activity.close()
            self._activity = None

    def _show_running(self, running: bool) -> None:
        self.run.setEnabled(not running)
        self.cancel.setVisible(running)
        self.bar.setMaximum(_PARTS)
        self.bar.setVisible(running)


def _plan_and_execute(request: RunRequest, report: Any, cancel: Any) -> _Ended:
    report(plan_run(request))
    success = execute(request, report, cancel)
    return _Ended(success, notes_of(request))


def _results(request: RunRequest, fov: int) -> list[LayerTuple]:
    return layers_of_results(request.source, expected_files(request.layout()), fov)


def _in_short(metadata: Any) -> str:
    return (
        f"{counted(metadata.n_fovs, 'FOV')}, {counted(metadata.n_frames, 'frame')}, "
        f"{metadata.width} x {metadata.height} px"
    )


def _recipe_in_short(changes: dict[str, Any]) -> str:
    if not changes:
        return "Recipe: all parameters have their defaults."
    return "Recipe: " + ", ".join(f"{name} = {value}" for name, value in changes.items())


def _left(plan: RunPlan) -> int:
    return len(plan.steps) - plan.n_done


def _plan_in_words(plan: RunPlan) -> str:
    if not _left(plan):
        return "Everything is done already."
    text = f"Disk: {size(plan.bytes_needed)} needed, {size(plan.bytes_free)} free."
    if plan.n_done:
        text += f" {plan.n_done} of {len(plan.steps)} FOVs are done already."
    if plan.redone:
        text += f" To be done again: {'; '.join(plan.redone)}."
    return text
