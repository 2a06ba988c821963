"""Segmentation methods by name."""

from typing import Any

from numpy.typing import NDArray

from pyama_core.processing.registry import load_plugin, plugins
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.types import (
    FovMethod,
    FrameMethod,
    FrameSegmenter,
    SegmentedFrame,
)

GROUP = "pyama_core.segmentation"
_HOME = "pyama_core.processing.segmentation"
BUILTIN = {
    "cellpose": f"{_HOME}.cellpose_model:Cellpose",
    "labels": f"{_HOME}.label_files:LabelFiles",
    "log_std": f"{_HOME}.log_std:LogStd",
    "trained": f"{_HOME}.trained.segment:Trained",
}


def method_names() -> list[str]:
    """Names that `SegmentationParams.method` may have here."""
    return list(plugins(GROUP, BUILTIN))


def open_method(params: SegmentationParams, fov: int) -> FrameSegmenter:
    """Prepare the method of `params` for the frames of one FOV.

    Raises
    ------
    InputError
        If no method has that name, or it lacks something it needs.
    """
    method = load_plugin(GROUP, params.method, BUILTIN)
    if isinstance(method, type):
        method = method()
    return method.open_fov(params, fov) if isinstance(method, FovMethod) else _plain(method, params)


def _plain(method: FrameMethod, params: SegmentationParams) -> FrameSegmenter:
    def segment(frame: NDArray[Any], t: int) -> SegmentedFrame:
        return method(frame, params)

    return segment
