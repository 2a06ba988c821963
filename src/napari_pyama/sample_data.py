"""The sample experiments, to try the plugin without data."""

from typing import TYPE_CHECKING

from napari import current_viewer

from napari_pyama.reader import read_microscopy
from napari_pyama.sample_file import SampleFile
from napari_pyama.sample_maker import maker_of
from napari_pyama.waiting import user_is_waiting

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
    """Open a sample; where napari is in use, a note stands for it until it is made and open."""
    viewer = current_viewer()
    if viewer is not None and user_is_waiting():
        return [maker_of(sample).open_soon(viewer)]
    sample.make()
    return read_microscopy(str(sample.path))
