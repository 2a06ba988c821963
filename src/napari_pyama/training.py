"""Train the pixel classifier of the segmentation from brush strokes on frames."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_pyama.axes import stack_axes
from napari_pyama.layers import FOV, ORIGIN, Origin, origin_of
from napari_pyama.previews import Request, plane_of
from napari_pyama.task import Report, tick_of
from napari_pyama.view import View
from pyama_core.errors import InputError
from pyama_core.io import MicroscopyFile

STROKES: Final = "strokes: "
"""How names and roles of layers to draw on begin."""
FRAME: Final = "frame"
"""The key of such a layer's metadata under which its frame stands."""
KINDS: Final = {1: "background", 2: "cell", 3: "border between cells"}
"""What is drawn, by label."""

_COLORS: Final = {None: "transparent", 1: "#3b78ff", 2: "#ffb000", 3: "#00d26a"}


@dataclass(frozen=True, slots=True)
class Example:
    """One frame and what was drawn on it."""

    request: Request
    strokes: NDArray[np.uint8]


def strokes_layer(view: View) -> Labels:
    """Make a layer to draw on the frame in view; 1 is background, 2 is cell, 3 is border."""
    metadata = view.source.metadata
    axes = stack_axes(metadata).only("yx")
    name = f"{STROKES}FOV {view.fov}, frame {view.frame}"
    layer = Labels(
        np.zeros((metadata.height, metadata.width), np.uint8),
        name=name,
        colormap=DirectLabelColormap(color_dict=dict(_COLORS)),
        metadata={ORIGIN: Origin(view.source, axes, name), FOV: view.fov, FRAME: view.frame},
        **axes.layer_arguments(),
    )
    layer.brush_size = max(3, metadata.width // 300)
    layer.selected_label = 2
    return layer


def strokes_of(layers: Sequence[Any], source: MicroscopyFile) -> list[Labels]:
    """Return the layers of an experiment on which something is drawn."""
    found = []
    for layer in layers:
        origin = origin_of(layer)
        if origin and origin.source is source and origin.role.startswith(STROKES):
            found.append(layer)
    return [layer for layer in found if np.any(layer.data)]


def example_of(layer: Labels, request: Request) -> Example:
    """Return what was drawn on a layer, with the frame it was drawn on."""
    view = View(request.view.source, layer.metadata[FOV], layer.metadata[FRAME])
    drawn = Request(view, request.recipe, request.pc, request.fl)
    return Example(drawn, np.array(layer.data, dtype=np.uint8))


def train(examples: Sequence[Example], path: Path, report: Report, cancel: threading.Event) -> Path:
    """Train a classifier and write it to a file.

    Parameters
    ----------
    report
        Takes what is done, in words.
    cancel
        Set to stop before the next tree.

    Raises
    ------
    InterruptedError
        `cancel` was set.
    InputError
        Nothing, or too little of a kind, is drawn, scikit-learn is not installed, or the file
        cannot be written.
    """
    from pyama_core.processing.segmentation.trained import train_classifier

    if not examples:
        raise InputError("Nothing is drawn yet: draw some strokes on cells and some on background.")
    frames = [plane_of(example.request, example.request.pc) for example in examples]
    tick = tick_of(report, cancel, lambda _, tree: f"growing tree {tree + 1}")
    classifier = train_classifier(frames, [example.strokes for example in examples], tick=tick)
    if cancel.is_set():
        raise InterruptedError
    try:
        classifier.save(path)
    except OSError as error:
        raise InputError(
            f"The classifier cannot be written to {path} ({error.strerror}): choose another folder."
        ) from None
    return path
