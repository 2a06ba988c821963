"""The sample experiments, to try the plugin without data."""

import getpass
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_pyama.layers import LayerTuple
from napari_pyama.reader import read_microscopy
from pyama_core.sample import make_sample


def sample_experiment() -> list[LayerTuple]:
    """Open cells that move, divide and light up in two colors, in two fields of view."""
    return read_microscopy(str(_made("sample")))


def sample_colony() -> list[LayerTuple]:
    """Open a colony of rods that grows by division."""
    return read_microscopy(str(_made("colony", colony=True, n_fovs=1, n_frames=30)))


def _made(name: str, **plan: Any) -> Path:
    """Return the file of a sample, made the first time; it stays where temporary files are.

    Results and marks made from it are found again after a restart.
    """
    folder = Path(tempfile.gettempdir()) / f"napari-pyama-{version('napari-pyama')}-{_user()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{name}.nd2"
    if not path.exists():
        make_sample(path, with_ids=False, **plan)
    return path


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "user"
