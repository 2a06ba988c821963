"""One color per cell, the same everywhere; channel colors by wavelength."""

import numpy as np
import pytest
from napari.layers import Labels

from napari_pyama.layers.raw import (
    cell_colormap,
    cell_colors,
    cell_hue,
    channel_colormap,
    track_colormap,
)
from pyama_core.io import ChannelInfo


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_labels_and_tracks_give_a_cell_the_color_of_the_plot(dtype):
    cells = np.arange(1, 250)
    colors = cell_colors(cells)
    assert np.allclose(track_colormap().map(cell_hue(cells)), colors)
    assert np.allclose(cell_colormap().map(cells.astype(dtype)), colors)


def test_a_labels_layer_shows_a_cell_in_its_color():
    layer = Labels(np.array([[1, 60]], np.uint16), colormap=cell_colormap())
    assert np.allclose(layer.get_color(60), cell_colors(60)[0])


@pytest.mark.parametrize(
    ("emission", "strongest"), [(450, 2), (510, 1), (525, 1), (620, 0), (700, 0)]
)
def test_a_channel_has_the_color_of_its_emission(emission, strongest):
    color = channel_colormap(ChannelInfo("a", emission_nm=emission))
    parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    assert np.argmax(parts) == strongest


def test_a_channel_without_emission_is_gray():
    assert channel_colormap(ChannelInfo("Phase")) == "gray"
