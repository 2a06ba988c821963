"""Put layers of ours into a viewer, replace what they show, take them out again."""

from collections.abc import Collection, Iterable
from typing import Any

from napari.layers import Labels, Layer, Tracks

from napari_pyama.layers import ORIGIN, LayerTuple, origin_of
from napari_pyama.tracks import replace_tracks
from napari_pyama.tracks_follower import follow_tracks


def show_layer(viewer: Any, layer_tuple: LayerTuple) -> Layer:
    """Show a layer; one of the same origin gets the new data instead.

    The active layer stays active, since it says which experiment is in view.
    """
    data, arguments, kind = layer_tuple
    layer = _layer_like(viewer, arguments)
    if layer is not None:
        _show_data(layer, layer_tuple)
        return layer
    active = viewer.layers.selection.active
    layer = viewer.add_layer(Layer.create(data, arguments, kind))
    if isinstance(layer, Labels):
        layer.editable = False
    if active is not None:
        viewer.layers.selection.active = active
    return layer


def _show_data(layer: Layer, layer_tuple: LayerTuple) -> None:
    if isinstance(layer, Tracks):
        replace_tracks(layer, layer_tuple)
    else:
        layer.data = layer_tuple[0]
        layer.metadata = layer_tuple[1]["metadata"]


def show_layers(viewer: Any, layer_tuples: Iterable[LayerTuple]) -> None:
    """Show layers in their order; tracks then follow the position slider."""
    kinds = {show_layer(viewer, layer_tuple).__class__ for layer_tuple in layer_tuples}
    if Tracks in kinds:
        follow_tracks(viewer)


def hide_raw(viewer: Any, results: list[LayerTuple], channels: Collection[int]) -> None:
    """Hide the raw images of some channels of the experiment that has these results."""
    sources = {id(arguments["metadata"][ORIGIN].source) for _, arguments, _ in results}
    for layer in viewer.layers:
        origin = origin_of(layer)
        if origin and origin.role == "raw" and id(origin.source) in sources:
            layer.visible = layer.visible and origin.channel not in channels


def remove_roles(viewer: Any, beginning: str) -> None:
    """Take out all layers whose role begins so."""
    for layer in [layer for layer in viewer.layers if _role(layer).startswith(beginning)]:
        viewer.layers.remove(layer)


def _layer_like(viewer: Any, arguments: dict[str, Any]) -> Layer | None:
    origin = arguments["metadata"][ORIGIN]
    return next((layer for layer in viewer.layers if origin_of(layer) == origin), None)


def _role(layer: Layer) -> str:
    origin = origin_of(layer)
    return origin.role if origin else ""
