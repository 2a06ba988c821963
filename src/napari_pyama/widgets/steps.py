"""The docks of the five steps."""

from napari_pyama.previews import (
    preview_copy,
    preview_correction,
    preview_extraction,
    preview_segmentation,
    preview_tracking,
)
from napari_pyama.widgets.step_dock import StepDock, StepKind


class CopyDock(StepDock):
    """Choose channels and the plane of a z stack."""

    kind = StepKind("copy", preview_copy, asks_for_measured=True)


class SegmentDock(StepDock):
    """Find cells."""

    kind = StepKind("segmentation", preview_segmentation)


class CorrectDock(StepDock):
    """Take the background out of the fluorescence."""

    kind = StepKind("correction", preview_correction, asks_for_measured=True, needs_measured=True)


class TrackDock(StepDock):
    """Follow cells over time."""

    kind = StepKind("tracking", preview_tracking)


class ExtractDock(StepDock):
    """Measure every cell in every frame."""

    kind = StepKind("extraction", preview_extraction, asks_for_measured=True, has_table=True)
