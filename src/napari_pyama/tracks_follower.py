"""Swap the tracks for those of the FOV in view when the position slider moves."""

import weakref
from typing import Any

from qtpy.QtCore import QObject

from napari_pyama.layers import FILES, FOV, FilesOf, LayerTuple, origin_of
from napari_pyama.newest import NewestOnly
from napari_pyama.per_viewer import PerViewer
from napari_pyama.result_tables import read_tracks
from napari_pyama.tracks import TRACKS, replace_tracks, tracks_layer
from napari_pyama.view import View, view_of


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
