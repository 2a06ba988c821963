"""Keep labels that are read from files from being painted on: nothing would be saved."""

from typing import Any

from napari.layers import Labels, Layer

from napari_pyama.layers import origin_of
from napari_pyama.per_viewer import PerViewer
from napari_pyama.strokes import StrokeStack


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
