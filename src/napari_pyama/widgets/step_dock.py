"""A dock for one step: parameters, live preview of the frame in view, run on its FOV."""

from dataclasses import dataclass
from typing import Any, ClassVar

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QPushButton, QWidget

from napari_pyama.compiled import ensure_compiled
from napari_pyama.newest import NewestOnly
from napari_pyama.notices import as_html
from napari_pyama.previews import PREVIEW, MakePreview, Preview, Request
from napari_pyama.run_request import RunRequest, request_of
from napari_pyama.shown import remove_roles, show_layers
from napari_pyama.view import View, view_of
from napari_pyama.widgets.channel_picker import ChannelPicker
from napari_pyama.widgets.dock import Dock
from napari_pyama.widgets.recipe_bar import RecipeBar
from napari_pyama.widgets.section_form import SectionForm
from napari_pyama.widgets.table_view import TableView
from napari_pyama.widgets.trial_bar import TrialBar
from napari_pyama.widgets.wrapped_label import WrappedLabel
from pyama_core.errors import InputError

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
