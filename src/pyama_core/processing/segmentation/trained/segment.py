"""The method ``trained``: instances from what a pixel classifier says of each pixel.

A pixel belongs to a cell where the probability of cell, and half that of border, exceeds
`trained_probability`; between that and `trained_doubt` edges of the image decide (see `outline`).
Touching cells are told apart by flooding the smoothed probability of cell from the top down (see
`split.flooded`): between the hearts of two cells lies a border.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.processing.kernels import kernel
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.splitting import flooded
from pyama_core.processing.segmentation.trained.classifier import PixelClassifier
from pyama_core.processing.segmentation.trained.features import blurred, contrast, enlarged, slopes
from pyama_core.processing.segmentation.types import FrameSegmenter, SegmentedFrame

Array = NDArray[Any]
_LEVELS = 256
_OUTSIDE, _INSIDE = 1, 2


def snapped(
    image: NDArray[np.float32], probability: NDArray[np.float32], sure: float, doubtful: float
) -> NDArray[np.bool_]:
    """Find the pixels of cells, their outlines on edges of the image.

    Parameters
    ----------
    image
        ``(H, W)``, positive and negative values.
    probability
        ``(H, W)``, that a pixel belongs to a cell.
    sure, doubtful
        Above `sure` a pixel is cell; of those below, down to `doubtful`, edges decide. Where none
        is sure, all is background.
    """
    marks = np.zeros(image.shape, np.uint8)
    marks[probability <= min(doubtful, sure)] = _OUTSIDE
    marks[probability > sure] = _INSIDE
    grow_marks(marks, _edge_levels(image))
    cells: NDArray[np.bool_] = marks == _INSIDE
    return cells


def _edge_levels(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Magnitude of the gradient, its logarithm in `_LEVELS` steps."""
    slope = np.hypot(*slopes(blurred(image, 1.0)))
    rise = np.log1p(slope / max(float(np.median(slope)), float(np.finfo(np.float32).tiny)))
    top = float(rise.max())
    return (rise * ((_LEVELS - 1) / top if top > 0 else 0.0)).astype(np.uint8)


@kernel
def grow_marks(marks: Array, levels: Array) -> None:
    """Give pixels of mark 0 that of a neighbor, those of the lowest level first.

    Pixels wait in one queue per level, in order of arrival; a queue is a chain of positions.
    Marked ones come before all.
    """
    height, width = marks.shape
    first, last = np.full(_LEVELS, -1, np.int64), np.full(_LEVELS, -1, np.int64)
    after, level = np.full(marks.size, -1, np.int32), 0
    for place in range(marks.size):
        if marks[place // width, place % width]:
            enqueue(first, last, after, place, 0)
    while level < _LEVELS:
        place = first[level]
        if place < 0:
            level += 1
            continue
        first[level] = after[place]
        y, x = place // width, place % width
        for v, u in ((y - 1, x), (y, x - 1), (y, x + 1), (y + 1, x)):
            if 0 <= v < height and 0 <= u < width and marks[v, u] == 0:
                marks[v, u] = marks[y, x]
                enqueue(first, last, after, v * width + u, levels[v, u])
                level = min(level, int(levels[v, u]))


@kernel
def enqueue(first: Array, last: Array, after: Array, place: int, level: int) -> None:
    """Put a position at the end of a level's queue."""
    if first[level] < 0:
        first[level] = place
    else:
        after[last[level]] = place
    last[level] = place


_OF_BORDER = np.float32(0.5)


class Trained:
    """The method ``trained``: see the module."""

    def check(self, params: SegmentationParams, fovs: Sequence[int]) -> None:
        """See that there is a classifier.

        Raises
        ------
        InputError
            As in `open_fov`.
        """
        self.open_fov(params, 0)

    def open_fov(self, params: SegmentationParams, fov: int) -> FrameSegmenter:
        """Load the classifier that `params.model` names.

        Raises
        ------
        InputError
            If there is none, or its file is not usable.
        """
        if params.model is None:
            raise InputError(
                "segmentation.method is 'trained', but segmentation.model names no classifier: "
                "train one from a few brush strokes, save it, and give its path."
            )
        classifier = PixelClassifier.load(params.model)

        def segment(frame: NDArray[Any], t: int) -> SegmentedFrame:
            return segment_trained(frame, params, classifier)

        return segment


def segment_trained(
    frame: NDArray[Any], params: SegmentationParams, classifier: PixelClassifier
) -> SegmentedFrame:
    """Find the cells of one frame with a trained pixel classifier.

    Parameters
    ----------
    frame
        ``(H, W)``, any real dtype.
    params
        Those whose names begin with ``trained_`` are read.
    classifier
        As `train_classifier` or `PixelClassifier.load` gives it.
    """
    binning, shape = classifier.binning, frame.shape
    _, cell, *border = classifier.binned_probabilities(frame)
    inside = blurred(sum((_OF_BORDER * b for b in border), cell), params.trained_outline / binning)
    heights = blurred(cell, params.trained_smoothing / binning)
    mask = snapped(
        contrast(frame, binning)[: shape[0], : shape[1]],
        enlarged(inside, binning, shape),
        params.trained_probability,
        params.trained_doubt,
    )
    instances = flooded(enlarged(heights, binning, shape), mask, params.trained_depth)
    return SegmentedFrame(mask, instances)
