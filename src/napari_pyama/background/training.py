"""Train the pixel classifier of the segmentation from brush strokes on frames."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_pyama.background.previews import Request, plane_of
from napari_pyama.background.task import Report, tick_of
from napari_pyama.layers.lazy import LazyStack, is_basic, one_per_axis, shape_of
from napari_pyama.layers.raw import ORIGIN, Origin, origin_of, stack_axes, stack_shape
from napari_pyama.session.view import View
from napari_pyama.widgets.messages import counted
from pyama_core.errors import InputError
from pyama_core.io import MicroscopyFile

Strokes = NDArray[np.uint8]
FrameKey = tuple[int, int]
"""FOV and frame."""


class StrokeStack(LazyStack):
    """Labels ``(P, T, Y, X)`` or ``(P, T, Z, Y, X)`` to paint on; 0 where nothing is painted.

    Memory is taken by frames that are painted on only. What is painted on one plane of a z stack
    is on all: the steps take one plane of each frame.

    Parameters
    ----------
    shape
        Of the experiment.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape, np.uint8, self._read_painted)
        self.frames: dict[FrameKey, Strokes] = {}
        """What is painted, by FOV and frame."""

    def painted(self) -> list[tuple[FrameKey, Strokes]]:
        """Return the frames on which there is anything, in their order."""
        return [(key, self.frames[key]) for key in sorted(self.frames) if self.frames[key].any()]

    def __getitem__(self, index: Any) -> Any:
        return self._pixels(index) if _is_of_pixels(index) else super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        if _is_of_pixels(index):
            self._paint_pixels(index, value)
            return
        parts = index if isinstance(index, tuple) else (index,)
        if not all(map(is_basic, parts)):
            raise TypeError(f"Strokes cannot be painted at {index!r}: give numbers and slices.")
        parts = one_per_axis(parts, self.ndim)
        chosen = [np.arange(n)[part] for n, part in zip(self.shape, parts, strict=True)]
        wanted = list(product(*(np.atleast_1d(where).tolist() for where in chosen[:-2])))
        planes = np.broadcast_to(value, shape_of(chosen))
        planes = planes.reshape(len(wanted), *shape_of(chosen[-2:]))
        for where, plane in zip(wanted, planes, strict=True):
            self._frame(where[0], where[1])[parts[-2:]] = plane

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Find the highest label where the strokes are: napari asks for it at a key."""
        if function is np.max and len(args) == 1 and not kwargs:
            return max((frame.max() for frame in self.frames.values()), default=np.uint8(0))
        return super().__array_function__(function, types, args, kwargs)

    def __deepcopy__(self, memo: Any) -> "StrokeStack":
        copied = StrokeStack(self.shape)
        copied.frames = deepcopy(self.frames)
        return copied

    def _read_painted(self, where: tuple[int, ...]) -> Strokes:
        frame = self.frames.get((where[0], where[1]))
        return np.zeros(self.shape[-2:], np.uint8) if frame is None else frame

    def _frame(self, fov: int, frame: int) -> Strokes:
        """Return a frame to paint on."""
        if (fov, frame) not in self.frames:
            self.frames[fov, frame] = np.zeros(self.shape[-2:], np.uint8)
        return self.frames[fov, frame]

    def _pixels(self, index: tuple[Any, ...]) -> Strokes:
        fovs, frames, *_, y, x = np.broadcast_arrays(*index)
        values = np.zeros(fovs.shape, np.uint8)
        for (fov, frame), at in _by_frame(fovs, frames):
            values[at] = self._read_painted((fov, frame))[y[at], x[at]]
        return values

    def _paint_pixels(self, index: tuple[Any, ...], value: Any) -> None:
        fovs, frames, *_, y, x = np.broadcast_arrays(*index)
        values = np.broadcast_to(value, fovs.shape)
        for (fov, frame), at in _by_frame(fovs, frames):
            self._frame(fov, frame)[y[at], x[at]] = values[at]


def _is_of_pixels(index: Any) -> bool:
    """Whether an index names single pixels by an array of numbers per axis."""
    return isinstance(index, tuple) and any(
        isinstance(part, list | np.ndarray) and np.ndim(part) > 0 for part in index
    )


def _by_frame(
    fovs: NDArray[np.intp], frames: NDArray[np.intp]
) -> Iterator[tuple[FrameKey, NDArray[np.bool_]]]:
    """Yield each frame that pixels are of, and which of them are."""
    for fov, frame in set(zip(fovs.ravel().tolist(), frames.ravel().tolist(), strict=True)):
        yield (fov, frame), (fovs == fov) & (frames == frame)


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
