"""How well found cells agree with hand-made ones: the one definition of matching."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer[Any]]


def count_matches(truth: Labels, found: Labels, least_iou: float = 0.5) -> tuple[int, int, int]:
    """Count true positives, false positives and false negatives of one frame.

    A found cell matches a true one where the intersection over union of their pixels exceeds
    `least_iou`; from 0.5 on, no cell can match two.
    """
    iou = _pairwise_iou(truth, found)
    matched = int(np.count_nonzero(iou > least_iou))
    return matched, iou.shape[1] - matched, iou.shape[0] - matched


def f1(matched: int, spurious: int, missed: int) -> float:
    """Harmonic mean of precision and recall; 1 where there is nothing to find and nothing found."""
    total = 2 * matched + spurious + missed
    return 2 * matched / total if total else 1.0


def instance_f1(truth: Labels, found: Labels, least_iou: float = 0.5) -> float:
    """F1 of the cells of one frame."""
    return f1(*count_matches(truth, found, least_iou))


def foreground_iou(truth: NDArray[Any], found: NDArray[Any]) -> float:
    """Intersection over union of all cell pixels of one frame; 1 where both are empty."""
    a, b = truth > 0, found > 0
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def _pairwise_iou(truth: Labels, found: Labels) -> NDArray[np.float64]:
    """``(true cells, found cells)``; labels need not be consecutive."""
    rows, columns = np.unique(truth, return_inverse=True), np.unique(found, return_inverse=True)
    shape = (rows[0].size, columns[0].size)
    pairs = rows[1].ravel() * shape[1] + columns[1].ravel()
    both = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    iou = both / (both.sum(1)[:, None] + both.sum(0)[None, :] - both)
    return iou[rows[0] != 0][:, columns[0] != 0]
