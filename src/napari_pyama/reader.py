"""Open ND2 files, folders of results and trace tables by dropping them on the viewer."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from napari import current_viewer

from napari_pyama.session.opener import opener_of
from napari_pyama.session.viewer_setup import prepare
from napari_pyama.widgets.messages import user_is_waiting
from pyama_core.io.results import CONFIG_YAML, RESULTS_YAML

if TYPE_CHECKING:
    from napari_pyama.layers.raw import LayerTuple
    from napari_pyama.session.opened import Opened

Reader = Callable[[str | Sequence[str]], "list[LayerTuple]"]

_NO_LAYERS_YET: Final[list[Any]] = [(None,)]
"""What napari takes for "no layers, and nothing went wrong"."""


def get_microscopy_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader of ND2 files, None for other files."""
    return read_microscopy if all(p.suffix.lower() == ".nd2" for p in _all(path)) else None


def get_results_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader of results folders and their YAML files, None for others."""
    return read_results_folder if all(map(_is_results, _all(path))) else None


def get_traces_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader of trace tables, None for other tables."""
    return read_trace_table if all(map(_is_traces, _all(path))) else None


def read_microscopy(path: str | Sequence[str]) -> "list[LayerTuple]":
    """Open ND2 files lazily, one image layer per channel."""
    return _read(path, "open_images")


def read_results_folder(path: str | Sequence[str]) -> "list[LayerTuple]":
    """Open results of any layout: the layers of the run, above the raw ones."""
    return _read(path, "open_folders")


def read_trace_table(path: str | Sequence[str]) -> "list[LayerTuple]":
    """Open trace tables as tracks, and the dock that plots them."""
    return _read(path, "open_tables")


def _read(path: str | Sequence[str], how: str) -> "list[LayerTuple]":
    """Open files by a function of `napari_pyama.session.opened`.

    Where napari is in use that happens in a thread, importing included, and layers follow.
    """

    def open_files() -> "Opened":
        opened: Opened = getattr(import_module("napari_pyama.session.opened"), how)(_all(path))
        return opened

    viewer = current_viewer()
    if viewer is not None and user_is_waiting():
        opener_of(viewer).open_soon(", ".join(p.name for p in _all(path)), open_files)
        return _NO_LAYERS_YET
    return prepare(viewer, open_files())


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
