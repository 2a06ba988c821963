"""The docks of the five steps."""

from pathlib import Path
from typing import Any

from napari_pyama.previews import (
    preview_copy,
    preview_correction,
    preview_extraction,
    preview_segmentation,
    preview_tracking,
)
from napari_pyama.widgets.step_dock import StepDock, StepKind
from napari_pyama.widgets.training_bar import TrainingBar


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
