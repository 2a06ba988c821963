"""What becomes of a dropped file: its layers, and what else the viewer is to do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_pyama.layers import LayerTuple, raw_layers
from napari_pyama.result_layers import layers_of_results
from napari_pyama.result_source import ResultSource, open_results, open_traces
from napari_pyama.result_tables import read_tracks
from napari_pyama.tracks import tracks_layer
from pyama_core.io import open_microscopy


@dataclass(frozen=True)
class Opened:
    """What was found in some files.

    Attributes
    ----------
    layers
        What to show, in this order.
    warnings
        What a user should know, one sentence each.
    dock
        Name of the dock to open beside it, empty for none.
    follows_position
        Whether tracks are to be those of the FOV in view.
    """

    layers: list[LayerTuple]
    warnings: list[str] = field(default_factory=list)
    dock: str = ""
    follows_position: bool = False


def open_images(paths: Sequence[Path]) -> Opened:
    """Open ND2 files lazily, one image layer per channel."""
    sources = [open_microscopy(path) for path in paths]
    warnings = [
        f"{source.metadata.base_name}: {warning}"
        for source in sources
        for warning in source.metadata.warnings
    ]
    return Opened([layer for source in sources for layer in raw_layers(source)], warnings)


def open_folders(paths: Sequence[Path]) -> Opened:
    """Open results of any layout: the layers of the run, above the raw ones."""
    layers = [layer for path in paths for layer in _layers_of_folder(path)]
    return Opened(layers, follows_position=True)


def open_tables(paths: Sequence[Path]) -> Opened:
    """Open trace tables as tracks, and the dock that plots them."""
    return Opened([_tracks_of_table(path) for path in paths], dock="Traces")


def _tracks_of_table(path: Path) -> LayerTuple:
    """Make tracks that are seen from end to end in every frame: no image shows where cells are."""
    source, files, fov = open_traces(path)
    tracks = read_tracks(files(fov), source.metadata)
    data, arguments, kind = tracks_layer(source, tracks, fov, files)
    n_frames = source.metadata.n_frames
    return data, {**arguments, "tail_length": n_frames, "head_length": n_frames}, kind


def _layers_of_folder(path: Path) -> list[LayerTuple]:
    source, files = open_results(path)
    has_raw = not isinstance(source, ResultSource) or source.has_frames
    raw = raw_layers(source) if has_raw else []
    return raw + layers_of_results(source, files, 0)
