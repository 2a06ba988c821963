"""The plain statements of the tests, timed on the same frames."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tests.reference.correction import pyama_background
from tests.reference.extraction import plain_feature
from tests.reference.segmentation import log_std
from tests.reference.tracking import components

from benchmarks.speed.measure import cpu_ms
from benchmarks.speed.scenes import Scene
from pyama_core.io import open_microscopy
from pyama_core.processing.segmentation import SegmentationParams

if TYPE_CHECKING:
    from collections.abc import Callable


def plain_costs(scene: Scene, folder: Path) -> dict[str, float]:
    """CPU per megapixel-frame of SciPy and NumPy doing the same, by step; one frame each."""
    with open_microscopy(scene.file(folder)) as source:
        phase, *fluorescence = source.read_channels(0, scene.n_frames - 1, (0, 1, 2))
    mask = log_std(phase, SegmentationParams())
    labels, _ = components(mask)
    tile = min(256, scene.size // 4)
    works: dict[str, Callable[[], Any]] = {
        "segmentation": lambda: log_std(phase, SegmentationParams()),
        "correction": lambda: [
            image - pyama_background(image, mask, tile) for image in fluorescence
        ],
        "tracking": lambda: _label_count_shared_relabel(mask, labels),
        "extraction": lambda: [_measure(labels, image) for image in fluorescence],
    }
    costs = {step: cpu_ms(work, 1) / (mask.size / 1e6) for step, work in works.items()}
    return {**costs, "whole FOV": sum(costs.values())}


def _label_count_shared_relabel(mask: NDArray[np.bool_], before: NDArray[Any]) -> NDArray[Any]:
    labels, n_labels = components(mask)
    np.bincount(labels.ravel() * (before.max() + 1) + before.ravel())
    return np.arange(n_labels + 1, dtype=np.uint16)[labels]


def _measure(labels: NDArray[Any], image: NDArray[Any]) -> list[NDArray[np.float64]]:
    features = ("area", "position_x", "position_y", "intensity_total")
    return [plain_feature(name, labels, image) for name in features]
