"""The sample experiments, to try the plugin without data."""

from typing import TYPE_CHECKING

from napari import current_viewer
from qtpy.QtCore import QThread

from napari_pyama.preload import preload_soon
from napari_pyama.sample_file import SampleFile
from napari_pyama.sample_maker import maker_of

if TYPE_CHECKING:
    from napari_pyama.layers import LayerTuple


def sample_experiment() -> "list[LayerTuple]":
    """Open cells that move, divide and light up in two colors, in two fields of view."""
    return _open(SampleFile("sample", "sample experiment"))


def sample_colony() -> "list[LayerTuple]":
    """Open a colony of rods that grows by division."""
    plan = {"colony": True, "n_fovs": 1, "n_frames": 30}
    return _open(SampleFile("colony", "growing colony", plan))


def _open(sample: SampleFile) -> "list[LayerTuple]":
    """Open a sample; one that must be made first follows later where napari is in use.

    A script, which waits for what it asks for, gets the layers in any case.
    """
    preload_soon()
    viewer = current_viewer()
    if viewer is not None and not sample.path.exists() and _user_is_waiting():
        return [maker_of(sample).open_soon(viewer)]
    from napari_pyama.reader import read_microscopy

    if not sample.path.exists():
        sample.make()
    return read_microscopy(str(sample.path))


def _user_is_waiting() -> bool:
    """Whether this is called from a running event loop, which this thread would hold up."""
    thread = QThread.currentThread()
    return thread is not None and thread.loopLevel() > 0
