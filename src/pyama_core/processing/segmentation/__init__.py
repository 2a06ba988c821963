"""Where the cells are: masks and instances of each frame."""

from pyama_core.processing.segmentation.mask_checks import Doubts
from pyama_core.processing.segmentation.methods import check_method, files_named, method_names
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.stack import segment_frame, segment_stack
from pyama_core.processing.segmentation.types import (
    CheckedMethod,
    FovMethod,
    FrameMethod,
    FrameSegmenter,
    SegmentedFrame,
)

__all__ = [
    "CheckedMethod",
    "Doubts",
    "FovMethod",
    "FrameMethod",
    "FrameSegmenter",
    "SegmentationParams",
    "SegmentedFrame",
    "check_method",
    "files_named",
    "method_names",
    "segment_frame",
    "segment_stack",
]
