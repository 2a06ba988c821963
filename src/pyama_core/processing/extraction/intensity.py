"""Intensity features, defined as scikit-image's ``regionprops`` and CellProfiler define them."""

from typing import Any, Final

import numpy as np

from pyama_core.columns import INTENSITY_TOTAL
from pyama_core.processing.extraction.feature import Feature


def _intensity(name: str, help: str, formula: str, compute: Any) -> Feature:
    return Feature(name, "intensity", "counts", help, formula, compute)


INTENSITY_FEATURES: Final = (
    _intensity(
        INTENSITY_TOTAL,
        "All light of the cell (CellProfiler: IntegratedIntensity).",
        "sum over the cell's pixels",
        lambda signal: signal.sums[:, 1],
    ),
    _intensity(
        "intensity_mean",
        "Mean brightness of the cell's pixels.",
        "sum over the cell's pixels / their number",
        lambda signal: signal.sums[:, 1] / signal.sums[:, 0],
    ),
    _intensity(
        "intensity_median",
        "Median brightness of the cell's pixels.",
        "middle of the sorted pixels, or the mean of the two in the middle",
        lambda signal: signal.of_pixels(np.median),
    ),
    _intensity(
        "intensity_min",
        "Darkest pixel of the cell.",
        "least of the cell's pixels",
        lambda signal: signal.of_pixels(np.min),
    ),
    _intensity(
        "intensity_max",
        "Brightest pixel of the cell.",
        "greatest of the cell's pixels",
        lambda signal: signal.of_pixels(np.max),
    ),
    _intensity(
        "intensity_std",
        "How much the cell's pixels differ.",
        "square root of the mean squared distance from the mean (divided by n)",
        lambda signal: signal.of_pixels(lambda pixels: np.std(pixels, dtype=np.float64)),
    ),
)
"""Every built-in intensity feature, in the order of the reference."""
