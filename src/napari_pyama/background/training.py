"""Train the pixel classifier of the segmentation from brush strokes on frames."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_pyama.background.previews import Request, plane_of
from napari_pyama.background.task import Report, tick_of
from napari_pyama.layers.raw import ORIGIN, Origin, origin_of, stack_axes, stack_shape
from napari_pyama.layers.strokes import Strokes, StrokeStack
from napari_pyama.session.view import View
from napari_pyama.widgets.messages import counted
from pyama_core.errors import InputError
from pyama_core.io import MicroscopyFile

STROKES: Final = "strokes"
"""Name and role of the layer to draw on."""
KINDS: Final = {1: "background", 2: "cell", 3: "border between cells"}
"""What is drawn, by label."""

_MOST_LISTED: Final = 6
"""Frames that are listed by number."""
_COLORS: Final = {None: "transparent", 1: "#3b78ff", 2: "#ffb000", 3: "#00d26a"}


@dataclass(frozen=True, slots=True)
class Example:
    """One frame and what was drawn on it."""

    request: Request
    strokes: Strokes


def strokes_layer(source: MicroscopyFile) -> Labels:
    """Make a layer to draw on any frame; 1 is background, 2 is cell, 3 is border."""
    metadata, axes = source.metadata, stack_axes(source.metadata)
    layer = Labels(
        StrokeStack(stack_shape(metadata, axes)),
        name=STROKES,
        colormap=DirectLabelColormap(color_dict=dict(_COLORS)),
        metadata={ORIGIN: Origin(source, axes, STROKES)},
        **axes.layer_arguments(),
    )
    layer.brush_size = max(3, metadata.width // 300)
    layer.selected_label = 2
    return layer


def strokes_layers(layers: Sequence[Any], source: MicroscopyFile) -> list[Labels]:
    """Return the layers of an experiment that are there to be drawn on."""
    found = []
    for layer in layers:
        origin = origin_of(layer)
        if origin and origin.source is source and isinstance(layer.data, StrokeStack):
            found.append(layer)
    return found


def examples_of(layers: Sequence[Labels], request: Request) -> list[Example]:
    """Return what is drawn, each with the frame that it is drawn on."""
    return [
        Example(replace(request, view=View(request.view.source, fov, frame)), strokes.copy())
        for layer in layers
        for (fov, frame), strokes in layer.data.painted()
    ]


def drawn_in_words(layers: Sequence[Labels]) -> str:
    """Say on which frames something is drawn; empty where that is none."""
    drawn = sorted({key for layer in layers for key, _ in layer.data.painted()})
    if not drawn:
        return ""
    listed = ", ".join(f"FOV {fov} frame {frame}" for fov, frame in drawn[:_MOST_LISTED])
    more = len(drawn) - _MOST_LISTED
    text = f"Strokes on {counted(len(drawn), 'frame')}: {listed}"
    return f"{text} and {more} more." if more > 0 else f"{text}."


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
