"""Open ND2 files, folders of results and trace tables by dropping them on the viewer."""

from collections.abc import Callable, Sequence
from pathlib import Path

from napari import current_viewer
from napari.utils.notifications import show_warning

from napari_pyama.layers import LayerTuple, raw_layers
from napari_pyama.preload import preload_soon
from napari_pyama.result_layers import layers_of_results
from napari_pyama.result_source import ResultSource, open_results, open_traces
from napari_pyama.result_tables import read_tracks
from napari_pyama.start import follow_tracks_later, open_dock_later, start_at_first_step
from napari_pyama.tracks import tracks_layer
from pyama_core.io import open_microscopy
from pyama_core.io.results import CONFIG_YAML, RESULTS_YAML

Reader = Callable[[str | Sequence[str]], list[LayerTuple]]


def get_microscopy_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader of ND2 files, None for other files."""
    return read_microscopy if all(p.suffix.lower() == ".nd2" for p in _all(path)) else None


def get_results_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader of results folders and their YAML files, None for others."""
    return read_results_folder if all(map(_is_results, _all(path))) else None


def get_traces_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader of trace tables, None for other tables."""
    return read_trace_table if all(map(_is_traces, _all(path))) else None


def read_microscopy(path: str | Sequence[str]) -> list[LayerTuple]:
    """Open ND2 files lazily, one image layer per channel."""
    preload_soon()
    sources = [open_microscopy(p) for p in _all(path)]
    for source in sources:
        for warning in source.metadata.warnings:
            show_warning(f"{source.metadata.base_name}: {warning}")
    layers = [layer for source in sources for layer in raw_layers(source)]
    return start_at_first_step(current_viewer(), layers)


def read_results_folder(path: str | Sequence[str]) -> list[LayerTuple]:
    """Open results of any layout: the layers of the run, above the raw ones."""
    preload_soon()
    viewer = current_viewer()
    layers = [layer for p in _all(path) for layer in _layers_of_folder(p)]
    follow_tracks_later(viewer)
    return start_at_first_step(viewer, layers)


def read_trace_table(path: str | Sequence[str]) -> list[LayerTuple]:
    """Open trace tables as tracks, and the dock that plots them."""
    preload_soon()
    layers = []
    for p in _all(path):
        source, files, fov = open_traces(p)
        layers.append(tracks_layer(source, read_tracks(files(fov), source.metadata), fov, files))
    viewer = current_viewer()
    open_dock_later(viewer, "Traces")
    return start_at_first_step(viewer, layers)


def _layers_of_folder(path: Path) -> list[LayerTuple]:
    source, files = open_results(path)
    has_raw = not isinstance(source, ResultSource) or source.has_frames
    raw = raw_layers(source) if has_raw else []
    return raw + layers_of_results(source, files, 0)


def _is_results(path: Path) -> bool:
    if path.is_file():
        return path.name.endswith((RESULTS_YAML, CONFIG_YAML))
    return any((path / name).exists() for name in (RESULTS_YAML, CONFIG_YAML)) or any(
        path.glob("fov_[0-9]*")
    )


def _is_traces(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and "traces" in path.name


def _all(path: str | Sequence[str]) -> list[Path]:
    return [Path(path)] if isinstance(path, str) else [Path(p) for p in path]
