"""Intensity features, defined as scikit-image's ``regionprops`` and CellProfiler define them."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.columns import INTENSITY_TOTAL, SATURATED_PIXELS
from pyama_core.processing.extraction.feature import Feature
from pyama_core.processing.extraction.signal import Signal


def _median(pixels: NDArray[Any]) -> float:
    """Median of a short array, without the overhead of NumPy's own."""
    low, high = (pixels.size - 1) // 2, pixels.size // 2
    middle = np.partition(pixels, (low, high))
    return (float(middle[low]) + float(middle[high])) / 2


def _intensity(name: str, help: str, formula: str, compute: Any) -> Feature:
    return Feature(name, "intensity", "counts", help, formula, compute)


def _not_known_yet(signal: Signal) -> NDArray[np.float64]:
    """Give NaN: where the limit lies is known after the last frame only; see `extract_stack`."""
    return np.full(len(signal), np.nan)


INTENSITY_FEATURES: Final = (
    _intensity(
        INTENSITY_TOTAL,
        "All light of the cell (CellProfiler: IntegratedIntensity).",
        "sum over the cell's pixels",
        lambda signal: signal.total,
    ),
    _intensity(
        "intensity_mean",
        "Mean brightness of the cell's pixels.",
        "sum over the cell's pixels / their number",
        lambda signal: signal.mean,
    ),
    _intensity(
        "intensity_median",
        "Median brightness of the cell's pixels.",
        "middle of the sorted pixels, or the mean of the two in the middle",
        lambda signal: signal.of_pixels(_median),
    ),
    _intensity(
        "intensity_min",
        "Darkest pixel of the cell.",
        "least of the cell's pixels",
        lambda signal: signal.spread[:, 0],
    ),
    _intensity(
        "intensity_max",
        "Brightest pixel of the cell.",
        "greatest of the cell's pixels",
        lambda signal: signal.spread[:, 1],
    ),
    _intensity(
        "intensity_std",
        "How much the cell's pixels differ.",
        "square root of the mean squared distance from the mean (divided by n)",
        lambda signal: np.sqrt(signal.spread[:, 2]),
    ),
    Feature(
        SATURATED_PIXELS,
        "intensity",
        "px",
        "Pixels of the cell at the camera's limit, where light is lost; empty where the raw "
        "images are not at hand.",
        "number of raw pixels at the channel's limit: the greatest value of the significant bits, "
        "or where the histogram of all cells' pixels ends in a spike",
        _not_known_yet,
    ),
)
"""Every built-in intensity feature, in the order of the reference."""
