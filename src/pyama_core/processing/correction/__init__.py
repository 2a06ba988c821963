"""Background correction of fluorescence channels."""

from pyama_core.processing.correction.background import Background, load_background
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.correction.stack import (
    correct_frame,
    correct_stack,
    estimate_background,
    estimate_backgrounds,
)

__all__ = [
    "Background",
    "CorrectionParams",
    "correct_frame",
    "correct_stack",
    "estimate_background",
    "estimate_backgrounds",
    "load_background",
]
