# What the package offers, and where it lives.
from .base import BaseProcessingService
from .copying import CopyingService
from .steps.correction import CorrectionService
from .steps.extraction import ExtractionService
from .steps.segmentation import SegmentationService
from .steps.tracking import TrackingService
from .types import Channels, ProcessingContext, ensure_context

__all__ = [
    "BaseProcessingService",
    "Channels",
    "CopyingService",
    "CorrectionService",
    "ExtractionService",
    "ProcessingContext",
    "SegmentationService",
    "TrackingService",
    "ensure_context",
]
