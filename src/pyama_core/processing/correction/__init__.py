"""Background correction of fluorescence channels."""

from pyama_core.processing.correction.background import Background
from pyama_core.processing.correction.estimate import estimate_background, estimate_backgrounds
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.correction.step import correct_frame, correct_stack
from pyama_core.processing.correction.storage import load_background

__all__ = [
    "Background",
    "CorrectionParams",
    "correct_frame",
    "correct_stack",
    "estimate_background",
    "estimate_backgrounds",
    "load_background",
]
