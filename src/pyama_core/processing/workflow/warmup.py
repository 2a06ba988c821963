"""Compiling the kernels a run needs, once, before the first FOV is computed."""

import itertools

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction import correct_stack
from pyama_core.processing.extraction import extract_stack
from pyama_core.processing.kernels import mark_compiled
from pyama_core.processing.segmentation import SegmentationParams, segment_stack
from pyama_core.processing.tracking import track_stack
from pyama_core.processing.workflow.params import WorkflowParams

_FRAMES, _SIZE, _SPACING, _CELL = 3, 300, 60, 30
_COMPILED_METHODS = ("log_std", "trained")


def what_compiles(dtype: str, params: WorkflowParams) -> str:
    """Name what decides which kernels a run needs."""
    methods = (params.segmentation.method, params.segmentation.split, params.tracking.method)
    return " ".join((dtype, *methods))


def warm_up(dtype: str, params: WorkflowParams) -> None:
    """Run every algorithm on a tiny movie of the run's dtype, which compiles its kernels."""
    frames = _movie().astype(dtype)
    segmented = list(segment_stack(frames, _on_any_movie(params.segmentation)))
    masks = np.stack([frame.mask for frame in segmented])
    corrected = np.stack(list(correct_stack(frames, masks, params.correction)))
    instances = [frame.instances for frame in segmented if frame.instances is not None]
    untracked = np.stack(instances).astype(np.uint32) if instances else masks
    labels = np.stack(list(track_stack(untracked, params.tracking, phase=frames)))
    times = np.arange(_FRAMES, dtype=np.float64)
    images, raw = {0: corrected}, {0: frames}
    extract_stack(labels, images, params.extraction, times=times, fov=0, raw=raw)
    mark_compiled(what_compiles(dtype, params))


def _on_any_movie(params: SegmentationParams) -> SegmentationParams:
    """Replace a method that takes its cells from elsewhere: it has no kernels to compile."""
    known = params.method in _COMPILED_METHODS
    return params if known else params.model_copy(update={"method": "log_std"})


def _movie() -> NDArray[np.float64]:
    """Give a grid of rough squares that move a pixel a frame.

    In the middle frame the first one is unseen, and two are joined. All values fit every dtype.
    """
    rng = np.random.default_rng(0)
    movie = rng.normal(100, 2, (_FRAMES, _SIZE, _SIZE))
    corners = range(_SPACING - _CELL, _SIZE - _CELL, _SPACING)
    unseen_and_joined = {(1, corners[0], corners[0]): 0, (1, corners[1], corners[1]): _SPACING}
    for t, row, column in itertools.product(range(_FRAMES), corners, corners):
        width = unseen_and_joined.get((t, row, column), _CELL)
        roughness = rng.normal(0, 30, (_CELL, width))
        movie[t, row : row + _CELL, column + t : column + t + width] += roughness
    return movie.clip(0, 255)
