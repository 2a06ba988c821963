"""The computing steps, one service each."""

from pyama_core.processing.workflow.services.steps.correction import CorrectionService
from pyama_core.processing.workflow.services.steps.extraction import ExtractionService
from pyama_core.processing.workflow.services.steps.segmentation import SegmentationService
from pyama_core.processing.workflow.services.steps.tracking import TrackingService

__all__ = ["CorrectionService", "ExtractionService", "SegmentationService", "TrackingService"]
