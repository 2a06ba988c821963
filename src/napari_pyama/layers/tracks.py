"""Tracks of one FOV with their lineage, in the colors of their cells."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pyama.layers.raw import (
    FILES,
    FOV,
    ORIGIN,
    FilesOf,
    LayerTuple,
    Origin,
    cell_hue,
    stack_axes,
    track_colormap,
)
from pyama_core.columns import CELL, FRAME, PARENT, POSITION_X, POSITION_Y
from pyama_core.io import MicroscopyFile

TRACKS = "tracks"
"""Name and role of the tracks layer."""

EMPTY = "empty"
"""The key of a tracks layer's metadata that says whether there are no tracks, since such a layer
cannot be empty."""

_HUE = "hue"


@dataclass(frozen=True, slots=True)
class CellTracks:
    """Where the cells of one FOV are over time.

    Attributes
    ----------
    vertices
        ``(N, 4)``: cell, frame, y, x in pixels, sorted by cell and frame.
    graph
        The mother of each daughter, as a tracks layer takes it.
    """

    vertices: NDArray[np.float64]
    graph: dict[int, list[int]]


def tracks_of(table: Mapping[str, NDArray[Any]], lineage: Mapping[str, Any]) -> CellTracks:
    """Take the tracks of one FOV out of a trace table and a lineage table."""
    columns = (table[CELL], table[FRAME], table[POSITION_Y], table[POSITION_X])
    vertices = np.column_stack([np.asarray(column, np.float64) for column in columns])
    vertices = vertices[np.isfinite(vertices).all(axis=1)]
    vertices = vertices[np.lexsort((vertices[:, 1], vertices[:, 0]))]
    return CellTracks(vertices, _graph(lineage, set(vertices[:, 0].astype(int).tolist())))


def tracks_layer(
    source: MicroscopyFile, tracks: CellTracks, fov: int, files: FilesOf
) -> LayerTuple:
    """Make the tracks layer of one FOV; hidden where it has no tracks."""
    axes = stack_axes(source.metadata).only("tyx" if source.metadata.n_z == 1 else "tzyx")
    data, is_empty = _layer_data(source, tracks), not len(tracks.vertices)
    arguments = {
        **axes.layer_arguments(),
        "name": TRACKS,
        "features": {_HUE: cell_hue(data[:, 0])},
        "graph": tracks.graph,
        "color_by": _HUE,
        "colormaps_dict": {_HUE: track_colormap()},
        "visible": not is_empty,
        "metadata": {
            ORIGIN: Origin(source, axes, TRACKS),
            FOV: fov,
            FILES: files,
            EMPTY: is_empty,
        },
    }
    return data, arguments, "tracks"


def replace_tracks(layer: Any, layer_tuple: LayerTuple) -> None:
    """Show other tracks in a layer that `tracks_layer` gave; a hidden one stays hidden."""
    data, arguments, _ = layer_tuple
    with layer.events.blocker_all(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Previous color_by key", UserWarning)
        layer.graph = {}
        layer.data = data
        layer.features = arguments["features"]
        layer.color_by = _HUE
    layer.graph = arguments["graph"]
    layer.events.rebuild_tracks()
    layer.events.data(value=layer.data)
    was_empty, is_empty = layer.metadata[EMPTY], arguments["metadata"][EMPTY]
    layer.metadata = arguments["metadata"]
    if was_empty != is_empty:
        layer.visible = not is_empty


def _layer_data(source: MicroscopyFile, tracks: CellTracks) -> NDArray[np.float64]:
    """Vertices as a tracks layer takes them: at least one, in the middle of a z stack."""
    vertices = tracks.vertices if len(tracks.vertices) else np.zeros((1, 4))
    n_z = source.metadata.n_z
    return vertices if n_z == 1 else np.insert(vertices, 2, n_z // 2, axis=1)


def _graph(lineage: Mapping[str, Any], cells: set[int]) -> dict[int, list[int]]:
    pairs = zip(lineage.get(CELL, ()), lineage.get(PARENT, ()), strict=True)
    return {
        int(cell): [int(parent)]
        for cell, parent in pairs
        if int(cell) in cells and int(parent) in cells
    }
