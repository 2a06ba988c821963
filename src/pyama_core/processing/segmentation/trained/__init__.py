"""The method ``trained``: a pixel classifier that a user trains from a few brush strokes."""

from pyama_core.processing.segmentation.trained.classifier import PixelClassifier
from pyama_core.processing.segmentation.trained.segment import Trained, segment_trained
from pyama_core.processing.segmentation.trained.train import TrainingOptions, train_classifier

__all__ = [
    "PixelClassifier",
    "Trained",
    "TrainingOptions",
    "segment_trained",
    "train_classifier",
]
