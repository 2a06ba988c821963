"""What each step would do to the frame in view, computed by the step's own functions."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pyama.layers.contrast import contrast_of, sampled_pixels
from napari_pyama.layers.raw import (
    ORIGIN,
    LayerTuple,
    Origin,
    channel_name,
    labels_arguments,
    stack_axes,
)
from napari_pyama.session.view import View
from napari_pyama.widgets.messages import counted
from pyama_core.columns import FRAME, GOOD, REASON
from pyama_core.io import read_projected
from pyama_core.planes import is_recorded
from pyama_core.processing.correction import correct_frame
from pyama_core.processing.extraction import extract_stack
from pyama_core.processing.kernels import kernels_cached
from pyama_core.processing.segmentation import Doubts, SegmentedFrame, segment_frame
from pyama_core.processing.tracking import track_stack
from pyama_core.processing.workflow.execution.executors import make_pool
from pyama_core.processing.workflow.execution.worker import warm_up, what_compiles
from pyama_core.processing.workflow.params import WorkflowParams

PREVIEW = "preview: "
"""How the names and roles of preview layers begin."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a preview is asked for."""

    view: View
    recipe: WorkflowParams
    pc: int
    fl: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """Layers to show, a sentence, and a table where the step gives one."""

    layers: list[LayerTuple]
    text: str
    table: dict[str, NDArray[Any]] = field(default_factory=dict)


_OF_WHOLE_TRACES = (GOOD, REASON)

_segmented: deque[tuple[Any, SegmentedFrame]] = deque(maxlen=4)
"""The last frames segmented, with all that decides the outcome."""

MakePreview = Callable[[Request], Preview]


def preview_copy(request: Request) -> Preview:
    """Show the plane that is taken from a z stack."""
    if request.view.source.metadata.n_z == 1:
        return Preview([], "Frames are copied as they are: the file has no z stack.")
    plane = plane_of(request, request.pc)
    return Preview([_image(request, "copied plane", plane)], "The plane that is copied.")


def preview_segmentation(request: Request) -> Preview:
    """Show the cells found in the frame."""
    segmented = _segment(request, request.view.frame)
    labels = _labels_of(segmented)
    share = 100 * np.count_nonzero(labels) / labels.size
    n_cells = f"{counted(int(labels.max()), 'cell')}, " if segmented.instances is not None else ""
    doubts = Doubts(request.recipe.segmentation)
    doubts.look_at(segmented)
    said = [f"{n_cells}{share:.1f} % of the frame is cell.", *map(str, doubts.messages())]
    return Preview([_labels(request, "segmentation", labels)], " ".join(said))


def preview_correction(request: Request) -> Preview:
    """Show the frame of the first fluorescence channel without its background."""
    channel = request.fl[0]
    raw, corrected = _corrected(request, channel)
    if not is_recorded(raw):
        name = channel_name(request.view.source.metadata, channel)
        return Preview([], f"{name} was not recorded in this frame.")
    level = float(np.median(sampled_pixels(raw) - sampled_pixels(corrected)))
    return Preview(
        [_image(request, "corrected", corrected)],
        f"{channel_name(request.view.source.metadata, channel)}: "
        f"the background is about {level:.0f} counts.",
    )


def preview_tracking(request: Request) -> Preview:
    """Show how the cells of the frame are linked to those of the frame beside it."""
    frames = _frame_and_neighbor(request)
    segmented = np.stack([_untracked(_segment(request, t)) for t in frames])
    phase = np.stack([plane_of(request, request.pc, t) for t in frames])
    tracking = track_stack(segmented, request.recipe.tracking, phase=phase)
    labels = list(tracking)
    cells = [set(np.unique(frame[frame > 0]).tolist()) for frame in labels]
    n_linked = len(set.intersection(*cells))
    shown = labels[frames.index(request.view.frame)]
    return Preview(
        [_labels(request, "tracking", shown)],
        f"{n_linked} of {counted(max(map(len, cells)), 'cell')} linked "
        f"between frames {frames[0]} and {frames[-1]}.",
    )


def preview_extraction(request: Request) -> Preview:
    """Measure the cells of the frame."""
    view = request.view
    segmented = _untracked(_segment(request, view.frame))
    labels = next(iter(track_stack(segmented[None], request.recipe.tracking)))
    planes = {c: _corrected(request, c) for c in request.fl}
    times = view.source.metadata.times_of(view.fov)[view.frame : view.frame + 1]
    tables = extract_stack(
        labels[None],
        {c: corrected[None] for c, (_, corrected) in planes.items()},
        request.recipe.extraction,
        times=times,
        fov=view.fov,
        raw={c: raw[None] for c, (raw, _) in planes.items()},
        significant_bits=view.source.metadata.significant_bits,
    )
    table = next(iter(tables.values()))
    shown = {name: column for name, column in table.items() if name not in _OF_WHOLE_TRACES}
    shown[FRAME] = np.full_like(table[FRAME], view.frame)
    text = f"{counted(int(labels.max()), 'cell')} measured in this frame."
    return Preview([_labels(request, "cells", labels)], text, shown)


def plane_of(request: Request, channel: int, frame: int | None = None) -> NDArray[Any]:
    """Read the plane of a channel that the steps work on, in the frame in view or another one."""
    view, metadata = request.view, request.view.source.metadata
    rule = request.recipe.copying.z_of(channel, metadata.channel_names)
    frame = view.frame if frame is None else frame
    plane: NDArray[Any] = read_projected(view.source, view.fov, frame, [channel], rule)[0]
    return plane


def _segment(request: Request, frame: int) -> SegmentedFrame:
    """Segment a frame, unless that was done just before: the later steps ask again and again."""
    view, recipe = request.view, request.recipe
    key = (view.source, view.fov, frame, request.pc, recipe.segmentation, recipe.copying)
    for known, segmented in list(_segmented):
        if known == key:
            return segmented
    plane = plane_of(request, request.pc, frame)
    segmented = segment_frame(plane, recipe.segmentation, fov=view.fov, t=frame)
    _segmented.appendleft((key, segmented))
    return segmented


def _corrected(request: Request, channel: int) -> tuple[NDArray[Any], NDArray[np.float32]]:
    raw = plane_of(request, channel)
    mask = _segment(request, request.view.frame).mask
    return raw, correct_frame(raw, mask, request.recipe.correction)


def _untracked(segmented: SegmentedFrame) -> NDArray[Any]:
    """Return what tracking takes: instances where there are any, else the mask."""
    return segmented.mask if segmented.instances is None else segmented.instances


def _labels_of(segmented: SegmentedFrame) -> NDArray[Any]:
    instances = segmented.instances
    return segmented.mask.view(np.uint8) if instances is None else instances


def _frame_and_neighbor(request: Request) -> list[int]:
    frame, n_frames = request.view.frame, request.view.source.metadata.n_frames
    if n_frames == 1:
        return [frame]
    return [frame, frame + 1] if frame + 1 < n_frames else [frame - 1, frame]


def _labels(request: Request, name: str, labels: NDArray[Any]) -> LayerTuple:
    axes = stack_axes(request.view.source.metadata).only("yx")
    origin = Origin(request.view.source, axes, PREVIEW + name)
    arguments = labels_arguments(PREVIEW + name, axes)
    return labels, {**arguments, "metadata": {ORIGIN: origin}}, "labels"


def _image(request: Request, name: str, image: NDArray[Any]) -> LayerTuple:
    axes = stack_axes(request.view.source.metadata).only("yx")
    arguments = {
        **axes.layer_arguments(),
        "name": PREVIEW + name,
        "colormap": "gray",
        "contrast_limits": contrast_of(image),
        "metadata": {ORIGIN: Origin(request.view.source, axes, PREVIEW + name)},
    }
    return image, arguments, "image"


_ready: set[str] = set()
_one_at_a_time = threading.Lock()


def ensure_compiled(dtype: str, recipe: WorkflowParams) -> None:
    """Return when the kernels for these pixels and methods are in the cache; not on the GUI thread.

    Parameters
    ----------
    dtype
        Of the raw frames.
    recipe
        Says which methods are used.
    """
    what = what_compiles(dtype, recipe)
    with _one_at_a_time:
        if what in _ready:
            return
        if not kernels_cached(what):
            _compile(dtype, recipe)
        _ready.add(what)


def _compile(dtype: str, recipe: WorkflowParams) -> None:
    pool = make_pool(1, None)
    try:
        pool.submit(warm_up, dtype, recipe).result()
    finally:
        pool.close()
