"""What the viewer shows: which experiment, which FOV, which frame."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from napari.layers import Image, Layer
from numpy.typing import NDArray

from napari_pyama.layers.raw import FILES, FOV, Axes, FilesOf, Origin, origin_of
from pyama_core.errors import InputError
from pyama_core.io import ArraySource, MicroscopyFile

_ORDER_BY_NDIM: Final = {2: "yx", 3: "tyx", 4: "ptyx", 5: "ptzyx"}
_LETTERS: Final = {"position": "p", "time": "t", "depth": "z"}
_known: "weakref.WeakKeyDictionary[Layer, tuple[tuple[int, ...], Origin]]"
_known = weakref.WeakKeyDictionary()


def is_plain_image(layer: Layer) -> bool:
    """Whether a layer is an image of one resolution that this plugin did not open or make."""
    is_image = isinstance(layer, Image) and not (layer.rgb or layer.multiscale)
    return is_image and origin_of(layer) is None


def origin_of_images(viewer: Any, layer: Layer) -> Origin | None:
    """Return an experiment made of an image layer and those like it.

    The same layers give the same experiment each time. None where a layer's shape cannot be
    that of a time lapse.
    """
    alike = [other for other in viewer.layers if _is_alike(other, layer)]
    key = tuple(id(other.data) for other in alike)
    known = _known.get(alike[0])
    if known is None or known[0] != key:
        try:
            known = _known[alike[0]] = (key, _origin(alike))
        except InputError:
            return None
    return known[1]


def _is_alike(layer: Layer, other: Layer) -> bool:
    return is_plain_image(layer) and layer.data.shape == other.data.shape


def _origin(layers: list[Layer]) -> Origin:
    first = layers[0]
    order = _order(first)
    pixel_um = _step(first, order.find("x"), "micrometer")
    frame_min = _step(first, order.find("t"), "minute")
    slice_um = _step(first, order.find("z"), "micrometer")
    source = ArraySource(
        [layer.data for layer in layers],
        order.upper(),
        name=first.name,
        channels=[layer.name for layer in layers],
        pixel_size_um=pixel_um,
        z_step_um=slice_um,
        frame_times_min=_times(first, order, frame_min),
    )
    return Origin(source, Axes(order, pixel_um, frame_min, slice_um), "raw")


def _order(layer: Layer) -> str:
    """Return the axes by their labels, by their number where these say nothing."""
    labels = (str(label).lower() for label in layer.axis_labels)
    letters = "".join(_LETTERS.get(label, label) for label in labels)
    if len(letters) == layer.ndim and letters.endswith("yx") and set(letters) <= set("ptzyx"):
        return letters
    return _ORDER_BY_NDIM.get(layer.ndim, "")


def _step(layer: Layer, axis: int, unit: str) -> float | None:
    """Return the size of a step in a unit; None where the layer has another kind of unit."""
    own = layer.units[axis]
    if axis < 0 or not own.is_compatible_with(unit):
        return None
    return float((float(layer.scale[axis]) * own).to(unit).magnitude)


def _times(layer: Layer, order: str, frame_min: float | None) -> NDArray[np.float64] | None:
    if frame_min is None:
        return None
    return np.arange(layer.data.shape[order.index("t")]) * frame_min


@dataclass(frozen=True, slots=True)
class View:
    """The frame in view."""

    source: MicroscopyFile
    fov: int
    frame: int

    @property
    def fov_text(self) -> str:
        """The FOV in words, counted from 0 as everywhere in this project."""
        metadata = self.source.metadata
        name = metadata.fov_names[self.fov] if self.fov < len(metadata.fov_names) else ""
        text = f"FOV {_of_all(self.fov, metadata.n_fovs)}"
        return text if name in ("", f"FOV {self.fov}") else f"{text} ({name})"

    @property
    def frame_text(self) -> str:
        """The frame in words, with its time where that is known."""
        metadata = self.source.metadata
        text = f"frame {_of_all(self.frame, metadata.n_frames)}"
        if metadata.time_source in ("", "frame index"):
            return text
        return f"{text} ({metadata.times_of(self.fov)[self.frame]:.1f} min)"


def _of_all(number: int, count: int) -> str:
    return f"{number}, the only one" if count == 1 else f"{number} of 0 to {count - 1}"


def view_of(viewer: Any) -> View | None:
    """Return the frame in view of the experiment in view; None where none is open."""
    found = _in_view(viewer)
    if found is None:
        return None
    layer, origin = found
    return _view(origin, _where(viewer, layer, origin))


@dataclass(frozen=True, slots=True)
class ResultsInView:
    """The results in view, and a layer of theirs: one with all axes where there is one."""

    view: View
    files: FilesOf
    layer: Layer


def results_in_view(viewer: Any) -> ResultsInView | None:
    """Return the results in view; None where none are open.

    The active layer's come first, then those of the experiment in view, then any others.
    """
    view, active = view_of(viewer), viewer.layers.selection.active
    layers = [layer for layer in reversed(viewer.layers) if FILES in layer.metadata]
    if not layers:
        return None
    layers.sort(key=lambda layer: view is None or _source(layer) is not view.source)
    layers.sort(key=lambda layer: layer is not active)
    source, files = _source(layers[0]), layers[0].metadata[FILES]
    stacks = [one for one in layers if _source(one) is source and _origin_of_stack(one)]
    layer = (stacks or layers)[0]
    if view is None or view.source is not source:
        view = _view_of_layer(viewer, layer)
    return ResultsInView(view, files, layer)


def _view_of_layer(viewer: Any, layer: Layer) -> View:
    """Return what a layer shows; tracks are of one FOV, which their metadata names."""
    origin = origin_of(layer)
    assert origin is not None
    return _view(origin, {"p": layer.metadata.get(FOV, 0), **_where(viewer, layer, origin)})


def _view(origin: Origin, where: Mapping[str, int]) -> View:
    metadata = origin.source.metadata
    fov = int(np.clip(where.get("p", 0), 0, metadata.n_fovs - 1))
    frame = int(np.clip(where.get("t", 0), 0, metadata.n_frames - 1))
    return View(origin.source, fov, frame)


def _where(viewer: Any, layer: Layer, origin: Origin) -> dict[str, int]:
    return dict(zip(origin.axes.order, _index(viewer, layer), strict=True))


def _source(layer: Layer) -> MicroscopyFile:
    origin = origin_of(layer)
    assert origin is not None
    return origin.source


def _in_view(viewer: Any) -> tuple[Layer, Origin] | None:
    """Take the active layer where it is of an experiment, else the topmost one that is.

    Layers this plugin opened or made come before other images.
    """
    active, top_down = viewer.layers.selection.active, list(reversed(viewer.layers))
    ours = [layer for layer in top_down if origin_of(layer) is not None]
    plain = [layer for layer in top_down if is_plain_image(layer)]
    for layer in ([] if active is None else [active]) + ours + plain:
        origin = origin_of_images(viewer, layer) if layer in plain else _origin_of_stack(layer)
        if origin is not None:
            return layer, origin
    return None


def _origin_of_stack(layer: Layer) -> Origin | None:
    """Return the origin of a raw or result layer, None for previews, tracks and other layers."""
    origin = origin_of(layer)
    return origin if origin is not None and origin.axes.order.startswith("pt") else None


def _index(viewer: Any, layer: Layer) -> list[int]:
    point = viewer.dims.point[-layer.ndim :]
    return [round(float(position)) for position in layer.world_to_data(point)]
