"""Where the cells are: masks and instances of each frame."""

from pyama_core.processing.segmentation.methods import method_names
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.stack import segment_frame, segment_stack
from pyama_core.processing.segmentation.types import (
    FovMethod,
    FrameMethod,
    FrameSegmenter,
    SegmentedFrame,
)

__all__ = [
    "FovMethod",
    "FrameMethod",
    "FrameSegmenter",
    "SegmentationParams",
    "SegmentedFrame",
    "method_names",
    "segment_frame",
    "segment_stack",
]
