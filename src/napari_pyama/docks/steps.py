"""The docks of the five steps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakSet

from napari.utils.notifications import show_warning
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QGridLayout, QPushButton, QWidget

from napari_pyama.background.previews import (
    Request,
    preview_copy,
    preview_correction,
    preview_extraction,
    preview_segmentation,
    preview_tracking,
)
from napari_pyama.background.task import Task
from napari_pyama.background.training import (
    KINDS,
    drawn_in_words,
    examples_of,
    strokes_layer,
    strokes_layers,
    train,
)
from napari_pyama.docks.step_dock import StepDock, StepKind
from napari_pyama.widgets.basic import WrappedLabel
from napari_pyama.widgets.messages import notify_error

_FILTER = "Pixel classifier (*.npz)"


class TrainingBar(QWidget):
    """Trains the method ``trained``.

    Parameters
    ----------
    request
        Gives what is in view; None where nothing is open.
    """

    trained = Signal(object)
    """The path of a classifier that has been written."""

    def __init__(self, viewer: Any, request: Callable[[], Request | None]) -> None:
        super().__init__()
        self._viewer, self._request = viewer, request
        self._followed = WeakSet[Any]()
        self.draw = QPushButton("Draw strokes")
        self.draw.setToolTip(
            "Draw on the frame in view, then on others: strokes belong to their frame and FOV."
        )
        self.train = QPushButton("Train…")
        self.train.setToolTip(
            "Learn from the strokes on all frames what is a cell, and keep that in a file."
        )
        self.cancel = QPushButton("Cancel")
        kinds = ", ".join(f"{label} = {name}" for label, name in KINDS.items())
        self.message = WrappedLabel(f"A few strokes of each label are enough: {kinds} (optional).")
        self.drawn = WrappedLabel()
        self.task = Task()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.draw, 0, 0)
        layout.addWidget(self.train, 0, 1)
        layout.addWidget(self.cancel, 0, 2)
        layout.addWidget(self.message, 1, 0, 1, 3)
        layout.addWidget(self.drawn, 2, 0, 1, 3)
        self._connect()
        self._show_running(False)

    def _connect(self) -> None:
        self.draw.clicked.connect(self._on_draw)
        self.train.clicked.connect(self._on_train)
        self.cancel.clicked.connect(self._on_cancel)
        self.task.reported.connect(self._on_progress)
        self.task.succeeded.connect(self._on_trained)
        self.task.failed.connect(self._on_failed)
        self.task.cancelled.connect(lambda: self.message.setText("The training was cancelled."))
        self.task.finished.connect(lambda: self._show_running(False))
        for event in self._viewer_events():
            event.connect(self.show_drawn)
        self.show_drawn()

    def _viewer_events(self) -> list[Any]:
        layers = self._viewer.layers
        return [layers.events.inserted, layers.events.removed, layers.selection.events.active]

    def close_down(self) -> None:
        """Stop what runs, and follow viewer and layers no more."""
        self.task.close()
        for event in self._viewer_events():
            event.disconnect(self.show_drawn)
        for layer in self._followed:
            layer.events.paint.disconnect(self.show_drawn)

    def start(self, path: Path) -> None:
        """Train from all strokes on the experiment in view, unless that is going on."""
        request = self._request()
        if request is None or self.task.running:
            return
        layers = strokes_layers(self._viewer.layers, request.view.source)
        examples = examples_of(layers, request)
        self._show_running(True)
        self.message.setText("Training…")
        self.task.start(lambda report, cancel: train(examples, path, report, cancel))

    def show_drawn(self, _: Any = None) -> None:
        """Say on which frames of the experiment in view something is drawn."""
        request = self._request()
        layers = strokes_layers(self._viewer.layers, request.view.source) if request else []
        for layer in layers:
            if layer not in self._followed:
                self._followed.add(layer)
                layer.events.paint.connect(self.show_drawn)
        self.drawn.setText(drawn_in_words(layers))

    def _show_running(self, running: bool) -> None:
        self.train.setEnabled(not running)
        self.cancel.setVisible(running)
        self.cancel.setEnabled(running)

    def _on_progress(self, words: str) -> None:
        if self.cancel.isEnabled():
            self.message.setText(f"Training: {words}…")

    def _on_cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.message.setText("Cancelling…")
        self.task.cancel()

    def _on_draw(self) -> None:
        """Turn to the layer to draw on; there is one for each experiment."""
        request = self._request()
        if request is None:
            show_warning("There is nothing to draw on: open an ND2 file or an image first.")
            return
        source = request.view.source
        known = strokes_layers(self._viewer.layers, source)
        layer = known[0] if known else self._viewer.add_layer(strokes_layer(source))
        layer.visible = True
        self._viewer.layers.selection.active = layer
        layer.mode = "paint"  # once it is shown: napari's buttons follow only later changes

    def _on_train(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save classifier", "classifier.npz", _FILTER)
        if path:
            self.start(Path(path))

    def _on_trained(self, path: Path) -> None:
        self.message.setText(f"The classifier is in {path}.")
        self.trained.emit(path)

    def _on_failed(self, error: BaseException) -> None:
        self.message.setText(str(error))
        notify_error(error)


class CopyDock(StepDock):
    """Choose channels and the plane of a z stack."""

    kind = StepKind("copy", preview_copy, asks_for_measured=True)


class SegmentDock(StepDock):
    """Find cells, and train the method that learns from brush strokes."""

    kind = StepKind("segmentation", preview_segmentation)

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.training = TrainingBar(self.viewer, self.request)
        self.training.trained.connect(self._on_trained)
        self.column.insertWidget(self.column.indexOf(self.reset), self.training)
        self.form.changed.connect(self._show_training)
        self.session.recipe_changed.connect(self._show_training)
        self._show_training()

    def on_shut_down(self) -> None:
        """End the training too."""
        self.training.close_down()
        self.session.recipe_changed.disconnect(self._show_training)
        super().on_shut_down()

    def _show_training(self, _: Any = None) -> None:
        self.training.setVisible(self.session.recipe.segmentation.method == "trained")

    def _on_trained(self, path: Path) -> None:
        section = self.session.recipe.segmentation
        self.session.set_section("segmentation", section.model_copy(update={"model": str(path)}))


class CorrectDock(StepDock):
    """Take the background out of the fluorescence."""

    kind = StepKind("correction", preview_correction, asks_for_measured=True, needs_measured=True)


class TrackDock(StepDock):
    """Follow cells over time."""

    kind = StepKind("tracking", preview_tracking)


class ExtractDock(StepDock):
    """Measure every cell in every frame."""

    kind = StepKind("extraction", preview_extraction, asks_for_measured=True, has_table=True)
