"""Put layers of ours into a viewer, replace what they show, take them out again."""

import weakref
from collections.abc import Collection, Iterable
from typing import Any

from napari.layers import Labels, Layer, Tracks
from qtpy.QtCore import QObject

from napari_pyama.background.task import NewestOnly
from napari_pyama.layers.raw import FILES, FOUND_LIMITS, FOV, ORIGIN, FilesOf, LayerTuple, origin_of
from napari_pyama.layers.results import CELLS, SEGMENTATION, read_tracks
from napari_pyama.layers.strokes import StrokeStack
from napari_pyama.layers.tracks import EMPTY, TRACKS, replace_tracks, tracks_layer
from napari_pyama.session.view import View, view_of
from napari_pyama.session.viewer_registry import PerViewer


def is_duplicate(layer: Layer) -> bool:
    """Whether the user has made it from another layer; napari keeps all it knew of that one."""
    return layer.source.parent is not None


def is_read_only(layer: Layer) -> bool:
    """Whether it is a labels layer of ours that shows results or a preview.

    Strokes are there to be painted on, and a duplicate is an array of its own.
    """
    is_ours = isinstance(layer, Labels) and origin_of(layer) is not None
    return is_ours and not isinstance(layer.data, StrokeStack) and not is_duplicate(layer)


class _Guard:
    """Watches the layers of one viewer.

    A new layer can be edited, and one that gets other data can be again, whatever it was before.
    """

    def __init__(self, viewer: Any) -> None:
        for layer in viewer.layers:
            self._watch(layer)
        viewer.layers.events.inserted.connect(self._on_inserted)

    def _on_inserted(self, event: Any) -> None:
        self._watch(event.value)

    def _watch(self, layer: Layer) -> None:
        if isinstance(layer, Labels) and origin_of(layer) is not None:
            layer.events.editable.connect(self._on_editable)
            self._lock(layer)

    def _on_editable(self, event: Any) -> None:
        self._lock(event.source)

    def _lock(self, layer: Layer) -> None:
        if layer.editable and is_read_only(layer):
            layer.editable = False


_guard_of = PerViewer(_Guard)


def keep_results_read_only(viewer: Any) -> None:
    """Keep the results in a viewer from being painted on, those that come later too."""
    _guard_of(viewer)


class TracksFollower(QObject):
    """Keeps the tracks layers of a viewer at the FOV in view."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._loading = NewestOnly(parent=self)
        self._loading.done.connect(self._on_loaded)
        viewer.dims.events.point.connect(self.follow)

    @property
    def busy(self) -> bool:
        """Whether tracks are being read."""
        return self._loading.busy

    def follow(self, event: Any = None) -> None:
        """Read the tracks of the FOV in view where others are shown."""
        viewer = self._viewer()
        view = view_of(viewer) if viewer is not None else None
        if view is None:
            return
        stale = [layer for layer in _tracks_of(viewer, view.source) if _fov(layer) != view.fov]
        if stale:
            layer = stale[0]
            self._loading.request(lambda: (layer, _tracks_in(view, layer.metadata[FILES])))

    def _on_loaded(self, loaded: tuple[Any, LayerTuple]) -> None:
        layer, layer_tuple = loaded
        viewer = self._viewer()
        if viewer is not None and layer in viewer.layers:
            replace_tracks(layer, layer_tuple)


follow_tracks = PerViewer(TracksFollower)
"""Has a viewer's tracks follow its position slider; the same follower each time."""


def _tracks_in(view: View, files: FilesOf) -> LayerTuple:
    tracks = read_tracks(files(view.fov), view.source.metadata)
    return tracks_layer(view.source, tracks, view.fov, files)


def _tracks_of(viewer: Any, source: Any) -> list[Any]:
    found = []
    for layer in viewer.layers:
        origin = origin_of(layer)
        if origin is not None and origin.role == TRACKS and origin.source is source:
            found.append(layer)
    return found


def _fov(layer: Any) -> int:
    fov: int = layer.metadata[FOV]
    return fov


def show_layer(viewer: Any, layer_tuple: LayerTuple) -> Layer:
    """Show a layer; one of the same origin gets the new data instead.

    The active layer stays active, since it says which experiment is in view.
    """
    data, arguments, kind = layer_tuple
    keep_results_read_only(viewer)
    layer = _layer_like(viewer, arguments)
    if layer is not None:
        _show_data(layer, layer_tuple)
        return layer
    active = viewer.layers.selection.active
    layer = viewer.add_layer(Layer.create(data, arguments, kind))
    if active is not None:
        viewer.layers.selection.active = active
    return layer


def _show_data(layer: Layer, layer_tuple: LayerTuple) -> None:
    if isinstance(layer, Tracks):
        replace_tracks(layer, layer_tuple)
    else:
        layer.data = layer_tuple[0]
        _follow_limits(layer, layer_tuple[1]["metadata"])
        layer.metadata = layer_tuple[1]["metadata"]


def _follow_limits(layer: Layer, metadata: dict[str, Any]) -> None:
    """Show results with the limits that suit all there are now, unless the user has set some."""
    before = layer.metadata.get(FOUND_LIMITS)
    if before is not None and tuple(layer.contrast_limits) == before:
        layer.contrast_limits = metadata.get(FOUND_LIMITS, before)


def show_layers(viewer: Any, layer_tuples: Iterable[LayerTuple]) -> None:
    """Show layers in their order; tracks then follow the position slider.

    Cells that come later than what they were segmented from take its place.
    """
    for layer_tuple in layer_tuples:
        is_new = _layer_like(viewer, layer_tuple[1]) is None
        layer = show_layer(viewer, layer_tuple)
        if isinstance(layer, Tracks):
            follow_tracks(viewer)
        if is_new and _role(layer) == CELLS:
            _hide_roles(viewer, [layer_tuple], [SEGMENTATION])


def show_labels(viewer: Any, results: list[LayerTuple], roles: Collection[str]) -> None:
    """Of the segmentation, the cells and the tracks of these results, show some and hide others."""
    _hide_roles(viewer, results, {SEGMENTATION, CELLS, TRACKS}.difference(roles))
    for layer in _layers_of(viewer, results):
        if _role(layer) in roles and not layer.metadata.get(EMPTY, False):
            layer.visible = True


def hide_raw(viewer: Any, results: list[LayerTuple], channels: Collection[int]) -> None:
    """Hide the raw images of some channels of the experiment that has these results."""
    for layer in _layers_of(viewer, results):
        origin = layer.metadata[ORIGIN]
        if origin.role == "raw" and origin.channel in channels:
            layer.visible = False


def remove_roles(viewer: Any, beginning: str) -> None:
    """Take out all layers whose role begins so."""
    for layer in [layer for layer in _ours(viewer) if _role(layer).startswith(beginning)]:
        viewer.layers.remove(layer)


def _hide_roles(viewer: Any, results: list[LayerTuple], roles: Collection[str]) -> None:
    for layer in _layers_of(viewer, results):
        if _role(layer) in roles:
            layer.visible = False


def _layers_of(viewer: Any, results: list[LayerTuple]) -> list[Layer]:
    """Return the layers of the experiments that have these results."""
    sources = {id(arguments["metadata"][ORIGIN].source) for _, arguments, _ in results}
    ours = [(layer, origin_of(layer)) for layer in _ours(viewer)]
    return [layer for layer, origin in ours if origin and id(origin.source) in sources]


def _layer_like(viewer: Any, arguments: dict[str, Any]) -> Layer | None:
    origin = arguments["metadata"][ORIGIN]
    return next((layer for layer in _ours(viewer) if origin_of(layer) == origin), None)


def _ours(viewer: Any) -> list[Layer]:
    """Return all layers but the user's duplicates, which keep where they come from."""
    return [layer for layer in viewer.layers if not is_duplicate(layer)]


def _role(layer: Layer) -> str:
    origin = origin_of(layer)
    return origin.role if origin else ""
