"""Layers: lazy, aligned, with scale, units and axis labels."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_pyama.layers.lazy import LazyStack, npy_form, npy_frame
from napari_pyama.layers.raw import origin_of, raw_layers
from napari_pyama.session.view import view_of
from napari_pyama.session.viewer_setup import start_at_first_frame
from tests.plugin.sources import (
    HEIGHT,
    N_FOVS,
    N_FRAMES,
    WIDTH,
    experiment,
    open_in,
    stack_experiment,
)


def test_one_layer_per_channel_named_and_colored_by_it():
    layers = [Layer.create(*layer) for layer in raw_layers(experiment())]
    assert [layer.name for layer in layers] == ["Phase", "GFP"]
    assert [layer.colormap.name for layer in layers] == ["gray", "#40ff1a"]


def test_every_axis_has_its_scale_unit_and_label():
    layer = Layer.create(*raw_layers(experiment())[0])
    assert layer.data.shape == (N_FOVS, N_FRAMES, HEIGHT, WIDTH)
    assert tuple(layer.scale) == (1, 5, 0.5, 0.5)
    assert [str(unit) for unit in layer.units] == [
        "pixel",
        "minute",
        "micrometer",
        "micrometer",
    ]
    assert layer.axis_labels == ("position", "time", "y", "x")


def test_a_z_stack_keeps_its_axis():
    layer = Layer.create(*raw_layers(stack_experiment())[0])
    assert layer.axis_labels == ("position", "time", "z", "y", "x")
    assert layer.data.shape[2] == 3


def test_metadata_of_a_layer_tell_times_and_positions():
    metadata = Layer.create(*raw_layers(experiment())[1]).metadata
    assert metadata["positions"] == ("A1", "B2")
    assert metadata["times_min"][0].tolist() == [0, 5, 10, 15]
    assert metadata["channel"].name == "GFP"


def test_the_viewer_starts_at_the_first_frame():
    viewer = ViewerModel()
    open_in(viewer, experiment())
    assert viewer.dims.current_step[:2] == (0, 0)


def test_of_a_z_stack_the_viewer_shows_the_plane_that_the_steps_take():
    viewer = ViewerModel()
    open_in(viewer, stack_experiment())
    assert viewer.dims.current_step[:3] == (0, 0, stack_experiment().metadata.n_z // 2)


def test_opening_reads_the_first_frame_of_each_channel_and_no_other():
    source, viewer, read = experiment(), ViewerModel(), []
    layers = raw_layers(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(source), "read_frame", lambda self, *where: (read.append(where), frame)[1]
        )
        frame = np.zeros((HEIGHT, WIDTH), np.uint16)
        for layer in start_at_first_frame(viewer, layers):
            viewer.add_layer(Layer.create(*layer))
    assert set(read) == {(0, 0, 0), (0, 1, 0)}
    assert all(layer.visible for layer in viewer.layers)


def test_the_first_layer_is_as_visible_as_it_was_meant_to_be():
    viewer = ViewerModel()
    (data, arguments, kind), *_ = raw_layers(experiment())
    for layer in start_at_first_frame(viewer, [(data, {**arguments, "visible": False}, kind)]):
        viewer.add_layer(Layer.create(*layer))
    assert not viewer.layers[0].visible
    assert viewer.dims.current_step[:2] == (0, 0)


def test_a_viewer_with_layers_keeps_its_step():
    viewer = ViewerModel()
    open_in(viewer, experiment())
    viewer.dims.set_current_step((0, 1), (1, 2))
    open_in(viewer, experiment())
    assert viewer.dims.current_step[:2] == (1, 2)


def test_only_frames_that_are_shown_are_read():
    read = set()

    def frame_at(where):
        read.add(where)
        return np.full((8, 8), where[1])

    data = LazyStack((3, 100, 8, 8), np.uint16, frame_at)
    assert data[1, 7].mean() == 7
    assert np.asarray(data[2, 98:, 3:5, 0]).shape == (2, 2)
    assert read == {(1, 7), (2, 98), (2, 99)}


def test_the_frame_in_view_is_that_of_the_sliders():
    viewer = ViewerModel()
    open_in(viewer, experiment())
    viewer.dims.set_current_step((0, 1), (1, 3))
    view = view_of(viewer)
    assert (view.fov, view.frame) == (1, 3)
    assert view.fov_text == "FOV 1 of 0 to 1 (B2)"
    assert view.frame_text == "frame 3 of 0 to 3 (15.0 min)"


def test_an_image_of_several_resolutions_is_no_experiment():
    viewer = ViewerModel()
    viewer.add_image([np.zeros((64, 64)), np.zeros((32, 32))], multiscale=True)
    assert view_of(viewer) is None
    open_in(viewer, experiment())
    assert view_of(viewer).source.metadata.base_name == "movie"


def test_the_only_fov_is_called_so():
    viewer = ViewerModel()
    open_in(viewer, stack_experiment())
    assert view_of(viewer).fov_text == "FOV 0, the only one"


def test_the_active_layer_says_which_experiment_is_in_view():
    viewer = ViewerModel()
    open_in(viewer, experiment())
    open_in(viewer, experiment())
    viewer.layers.selection.active = viewer.layers[0]
    assert view_of(viewer).source is origin_of(viewer.layers[0]).source
    viewer.layers.selection.active = viewer.layers[-1]
    assert view_of(viewer).source is origin_of(viewer.layers[-1]).source


@pytest.mark.parametrize("shape", [(64, 64), (5, 64, 64), (2, 5, 64, 64), (2, 5, 3, 64, 64)])
def test_plain_images_of_one_shape_are_the_channels_of_an_experiment(shape):
    viewer = ViewerModel()
    for name in ("phase", "red"):
        viewer.add_image(np.zeros(shape, np.uint16), name=name, contrast_limits=(0, 1))
    source = view_of(viewer).source
    assert source.metadata.channel_names == ("phase", "red")
    assert source is view_of(viewer).source


def test_a_plain_image_gives_its_scale_in_micrometers_and_minutes():
    viewer = ViewerModel()
    viewer.add_image(
        np.zeros((3, 8, 8)),
        scale=(30, 500, 500),
        units=("second", "nanometer", "nanometer"),
        contrast_limits=(0, 1),
    )
    metadata = view_of(viewer).source.metadata
    assert metadata.pixel_size_um == pytest.approx(0.5)
    assert metadata.times_of(0).tolist() == pytest.approx([0, 0.5, 1])


def test_nothing_is_in_view_of_an_empty_viewer_or_one_with_a_photo():
    viewer = ViewerModel()
    assert view_of(viewer) is None
    viewer.add_image(np.zeros((4, 4, 3), np.uint8), rgb=True)
    assert view_of(viewer) is None


def test_a_frame_of_an_array_file_is_read_and_the_file_let_go(tmp_path):
    stack = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    path = tmp_path / "stack.npy"
    np.save(path, stack)
    assert np.array_equal(npy_frame(path, 1), stack[1])
    assert npy_form(path) == ((2, 3, 4), np.dtype(np.float32))
    assert npy_frame(path, 2) is None
    assert npy_frame(tmp_path / "none.npy", 0) is None
