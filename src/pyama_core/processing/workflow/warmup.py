"""Compiling the kernels a run needs, once, before the first FOV is computed."""

import numpy as np

from pyama_core.processing.correction import correct_stack
from pyama_core.processing.extraction import extract_stack
from pyama_core.processing.kernels import mark_compiled
from pyama_core.processing.segmentation import segment_stack
from pyama_core.processing.tracking import track_stack
from pyama_core.processing.workflow.params import WorkflowParams

_FRAMES, _SIZE = 3, 64


def what_compiles(dtype: str, params: WorkflowParams) -> str:
    """Name what decides which kernels a run needs."""
    methods = (params.segmentation.method, params.segmentation.split, params.tracking.method)
    return " ".join((dtype, *methods))


def warm_up(dtype: str, params: WorkflowParams) -> None:
    """Run every algorithm on a tiny movie of the run's dtype, which compiles its kernels."""
    noise = np.random.default_rng(0).normal(1000, 30, (_FRAMES, _SIZE, _SIZE))
    noise[:, 20:40, 20:40] += 300 * np.indices((20, 20)).sum(axis=0) % 400
    frames = np.clip(noise, 0, 250 if dtype == "uint8" else 60000).astype(dtype)
    segmented = list(segment_stack(frames, params.segmentation))
    masks = np.stack([frame.mask for frame in segmented])
    corrected = np.stack(list(correct_stack(frames, masks, params.correction)))
    instances = [frame.instances for frame in segmented if frame.instances is not None]
    untracked = np.stack(instances) if instances else masks
    labels = np.stack(list(track_stack(untracked, params.tracking, phase=frames)))
    extract_stack(labels, {0: corrected}, params.extraction, times=np.arange(3.0), fov=0)
    mark_compiled(what_compiles(dtype, params))
