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
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.split import flooded
from pyama_core.processing.segmentation.trained.classifier import PixelClassifier
from pyama_core.processing.segmentation.trained.enlarge import enlarged
from pyama_core.processing.segmentation.trained.features import blurred, contrast
from pyama_core.processing.segmentation.trained.outline import snapped
from pyama_core.processing.segmentation.types import FrameSegmenter, SegmentedFrame

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
