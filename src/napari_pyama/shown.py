"""Put layers of ours into a viewer, replace what they show, take them out again."""

from collections.abc import Collection, Iterable
from typing import Any

from napari.layers import Layer, Tracks

from napari_pyama.layers import FOUND_LIMITS, ORIGIN, LayerTuple, origin_of
from napari_pyama.read_only import is_duplicate, keep_results_read_only
from napari_pyama.result_layers import CELLS, SEGMENTATION
from napari_pyama.tracks import EMPTY, TRACKS, replace_tracks
from napari_pyama.tracks_follower import follow_tracks


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
