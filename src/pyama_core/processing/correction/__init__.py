"""Background correction of fluorescence channels."""

from pyama_core.processing.correction.background import Background
from pyama_core.processing.correction.estimate import (
    correct_frame,
    correct_stack,
    estimate_background,
)
from pyama_core.processing.correction.params import CorrectionParams

__all__ = [
    "Background",
    "CorrectionParams",
    "correct_frame",
    "correct_stack",
    "estimate_background",
]
