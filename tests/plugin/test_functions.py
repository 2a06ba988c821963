"""The steps as plain functions, of arrays and of layers."""

import subprocess
import sys

import numpy as np
import pytest
from napari.layers import Image

import napari_pyama
from pyama_core.errors import InputError
from pyama_core.io.results import read_results
from pyama_core.processing.workflow.params import workflow_params
from tests.plugin.sources import HEIGHT, N_FRAMES, WIDTH, cells, experiment


def test_the_steps_in_a_row():
    phase = napari_pyama.copy(experiment(), fov=1, channel=0)
    gfp = napari_pyama.copy(experiment(), fov=1, channel=1)
    params = workflow_params({"segmentation": {"opening_iterations": 1}})
    masks = napari_pyama.segment(phase, params.segmentation)
    corrected = napari_pyama.correct_background(gfp, masks)
    labels, lineage = napari_pyama.track(masks, phase=phase)
    table = napari_pyama.extract_traces(labels, {1: corrected}, fov=1)[1]
    assert masks.shape == corrected.shape == labels.shape == (N_FRAMES, HEIGHT, WIDTH)
    assert len(lineage["cell"]) == len(np.unique(table["cell"])) == 2
    assert set(table["fov"]) == {1}


def test_layers_and_arrays_give_the_same():
    movie = cells()
    layer = Image(movie, contrast_limits=(0, 1))
    assert np.array_equal(napari_pyama.segment(layer, fov=1), napari_pyama.segment(movie[1]))


def test_one_image_gives_one_image():
    assert napari_pyama.segment(cells()[0, 0]).shape == (HEIGHT, WIDTH)


def test_images_that_do_not_belong_together_are_refused():
    movie = cells()
    with pytest.raises(InputError, match="do not belong together"):
        napari_pyama.correct_background(movie[0], movie[0, :2] > 0)


def test_five_dimensions_are_refused():
    with pytest.raises(InputError, match="cannot be used"):
        napari_pyama.segment(np.zeros((1, 1, 1, 16, 16)))


def test_a_complete_run_of_layers(tmp_path):
    movie = cells()
    layers = [Image(movie, name="Phase", contrast_limits=(0, 1)), Image(movie // 4, name="GFP")]
    assert napari_pyama.run_complete_workflow(
        layers, tmp_path / "out", pc="Phase", fl=["GFP"], fovs="1", n_workers=1
    )
    assert list(read_results(tmp_path / "out").fovs) == [1]


def test_importing_the_plugin_is_light():
    heavy = ("napari", "numba", "qtpy")
    code = f"import sys, napari_pyama; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
