"""A dock for one step: parameters, live preview of the frame in view, run on its FOV."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from napari.utils.notifications import show_warning
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_pyama.background.previews import PREVIEW, MakePreview, Preview, Request, ensure_compiled
from napari_pyama.background.run import RunRequest, request_of
from napari_pyama.background.task import NewestOnly, Task
from napari_pyama.background.test_run import TrialResult, run_trial
from napari_pyama.docks.dock import Dock
from napari_pyama.docks.recipe_bar import RecipeBar
from napari_pyama.session.session import Session
from napari_pyama.session.view import View, view_of
from napari_pyama.session.viewer_layers import hide_raw, remove_roles, show_labels, show_layers
from napari_pyama.widgets.basic import ChannelPicker, TableView, WrappedLabel
from napari_pyama.widgets.messages import as_html, notify_error
from napari_pyama.widgets.parameter_form import SectionForm
from pyama_core.errors import InputError, sentence_of


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


PATIENCE_MS = 1000
"""After this time a preview is announced."""

NOTHING_OPEN = "Open an ND2 file, or File > Open Sample > PyAMA, to begin."


@dataclass(frozen=True, slots=True)
class StepKind:
    """What sets the dock of one step apart.

    Attributes
    ----------
    name
        Name of the step and of its section of the recipe.
    make_preview
        Computes the preview; called off the GUI thread.
    asks_for_measured
        Whether it offers to choose the measured channels.
    needs_measured
        Whether the step does nothing without a measured channel.
    has_table
        Whether it shows a table.
    """

    name: str
    make_preview: MakePreview
    asks_for_measured: bool = False
    needs_measured: bool = False
    has_table: bool = False


class StepDock(Dock):
    """Tunes one step on the FOV in view."""

    kind: ClassVar[StepKind]

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.heading = WrappedLabel(NOTHING_OPEN)
        self.channels = ChannelPicker(self.kind.asks_for_measured)
        self.form = SectionForm(self.session.section(self.kind.name))
        self.live = QCheckBox("Live preview")
        self.live.setChecked(True)
        self.live.setToolTip("Show what the step does to the frame in view.")
        self.reset = QPushButton("Reset all")
        self.reset.setToolTip("Set all parameters of this step to their defaults.")
        self.status = WrappedLabel()
        self.table = TableView() if self.kind.has_table else None
        self.trial = TrialBar(self.viewer, self.session, self.kind.name, self.request)
        self.preview = NewestOnly(parent=self)
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._lay_out()
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        parts: list[QWidget | None] = [
            self.heading,
            self.channels,
            self.form,
            self.reset,
            self.table,
            RecipeBar(self.session, self._whole_run),
        ]
        for part in parts:
            if part is not None:
                self.column.addWidget(part)
        for part in (self.live, self.status, self.trial):
            self.footer.addWidget(part)

    def _connect(self) -> None:
        self.form.changed.connect(self._on_edited)
        self.reset.clicked.connect(self.form.reset)
        self.live.toggled.connect(self._on_live)
        self.channels.changed.connect(self.session.set_channels)
        self.preview.done.connect(self._on_preview)
        self.preview.failed.connect(self._on_preview_failed)
        self._patience.timeout.connect(self._on_slow_preview)
        self.trial.run.pressed.connect(self.form.take_typed)
        self.trial.done.connect(self._on_trial_done)
        if self.table is not None:
            self.trial.traced.connect(self.table.show_table)
        self.session.recipe_changed.connect(self._on_recipe)
        self.session.channels_changed.connect(self.refresh_soon)
        self.follow_viewer()

    def on_shut_down(self) -> None:
        """End preview and trial, disconnect, take the preview layers out."""
        self._patience.stop()
        self.preview.close()
        self.trial.close_down()
        self.session.recipe_changed.disconnect(self._on_recipe)
        self.session.channels_changed.disconnect(self.refresh_soon)
        remove_roles(self.viewer, PREVIEW)

    def on_shown(self) -> None:
        """Show the preview again."""
        self.refresh()

    def on_hidden(self) -> None:
        """Take the preview out of the viewer."""
        self._stop_preview()

    def refresh(self) -> None:
        """Follow the viewer: what is in view, its channels, its preview."""
        view = view_of(self.viewer)
        if view is None:
            self.heading.setText(NOTHING_OPEN)
            self._stop_preview()
            return
        self.session.adopt(view.source)
        self.heading.setText(_describe(view))
        self.channels.show_channels(view.source.metadata, self.session.pc, self.session.fl)
        self._ask_for_preview(view)

    def request(self) -> Request | None:
        """Return what the viewer shows together with the recipe; None where nothing is open."""
        view = view_of(self.viewer)
        session = self.session
        return None if view is None else Request(view, session.recipe, session.pc, session.fl)

    def _whole_run(self) -> RunRequest:
        view = view_of(self.viewer)
        if view is None:
            raise InputError("There is nothing to run on: open an ND2 file first.")
        return request_of(view, self.session)

    def _ask_for_preview(self, view: View) -> None:
        if not (self.live.isChecked() and self.in_view):
            return
        if self.kind.needs_measured and not self.session.fl:
            self.status.setText("Choose a channel to measure: this step works on fluorescence.")
            return
        session, make = self.session, self.kind.make_preview
        request = Request(view, session.recipe, session.pc, session.fl)
        self.preview.request(lambda: _compiled_preview(make, request))
        self._patience.start()

    def _stop_preview(self) -> None:
        self.preview.drop()
        remove_roles(self.viewer, PREVIEW)

    def _on_preview(self, preview: Preview) -> None:
        if not self.in_view:
            return
        self.status.setText(preview.text)
        show_layers(self.viewer, preview.layers)
        if self.table is not None:
            self.table.show_table(preview.table)

    def _on_slow_preview(self) -> None:
        if self.preview.busy:
            self.status.setText(
                "Computing the preview… the first one compiles kernels, for up to 20 seconds."
            )

    def _on_preview_failed(self, error: BaseException) -> None:
        self.status.setText(as_html(f"No preview: {error}"))
        remove_roles(self.viewer, PREVIEW)  # the one before would pass for this frame's
        if self.table is not None:
            self.table.show_table({})

    def _on_trial_done(self) -> None:
        """Leave the view to the results."""
        self.live.setChecked(False)
        self.status.setText("The live preview is off, so that the results are seen.")

    def _on_edited(self, section: Any) -> None:
        self.session.set_section(self.kind.name, section)

    def _on_recipe(self, recipe: Any) -> None:
        self.form.value = self.session.section(self.kind.name)
        self.refresh_soon()

    def _on_live(self, on: bool) -> None:
        if on:
            self.refresh()
        else:
            self._stop_preview()


def _compiled_preview(make: MakePreview, request: Request) -> Preview:
    ensure_compiled(request.view.source.metadata.dtype, request.recipe)
    return make(request)


def _describe(view: View) -> str:
    return f"<b>{view.source.metadata.base_name}</b><br>{view.fov_text}<br>{view.frame_text}"
