"""The docks of the five steps."""

from napari_pyama.previews import (
    preview_copy,
    preview_correction,
    preview_extraction,
    preview_segmentation,
    preview_tracking,
)
from napari_pyama.widgets.step_dock import StepDock


class CopyDock(StepDock):
    """Choose channels and the plane of a z stack."""

    step = "copy"
    make_preview = staticmethod(preview_copy)
    asks_for_measured = True


class SegmentDock(StepDock):
    """Find cells."""

    step = "segmentation"
    make_preview = staticmethod(preview_segmentation)


class CorrectDock(StepDock):
    """Take the background out of the fluorescence."""

    step = "correction"
    make_preview = staticmethod(preview_correction)
    needs_fluorescence = True
    asks_for_measured = True


class TrackDock(StepDock):
    """Follow cells over time."""

    step = "tracking"
    make_preview = staticmethod(preview_tracking)


class ExtractDock(StepDock):
    """Measure every cell in every frame."""

    step = "extraction"
    make_preview = staticmethod(preview_extraction)
    asks_for_measured = True
    has_table = True
