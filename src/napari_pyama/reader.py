"""Open ND2 files, folders of results and trace tables by dropping them on the viewer."""

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_pyama.layers import LayerTuple, raw_layers
from napari_pyama.start import start_at_first_step
from pyama_core.io import open_microscopy

Reader = Callable[[str | Sequence[str]], list[LayerTuple]]


def get_microscopy_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader of ND2 files, None for other files."""
    return read_microscopy if all(Path(p).suffix.lower() == ".nd2" for p in _all(path)) else None


def read_microscopy(path: str | Sequence[str]) -> list[LayerTuple]:
    """Open ND2 files lazily, one image layer per channel."""
    start_at_first_step()
    return [layer for p in _all(path) for layer in raw_layers(open_microscopy(p))]


def _all(path: str | Sequence[str]) -> Sequence[str]:
    return [path] if isinstance(path, str) else path
