"""Trace tables from tracked cells and images."""

import numpy as np
import pytest

from pyama_core.columns import TRACE_COLUMNS
from pyama_core.errors import InputError
from pyama_core.messages import Message
from pyama_core.processing.extraction import ExtractionParams, extract_stack
from tests.reference.extraction import plain_totals

N_FRAMES = 6


@pytest.fixture
def labels() -> np.ndarray:
    """Two cells over six frames; the second comes in frame 2 and touches the border."""
    labels = np.zeros((N_FRAMES, 20, 30), np.uint16)
    for t in range(N_FRAMES):
        labels[t, 5:10, 5 + t : 12 + t] = 1
        if t >= 2:
            labels[t, 15:, 20:24] = 7
    return labels


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(1).normal(50, 20, (N_FRAMES, 20, 30)).astype(np.float32)


def extract(labels, images, missing=(), **params):
    times = 10.0 * np.arange(len(labels))
    return extract_stack(
        labels, images, ExtractionParams(**params), times=times, fov=4, missing=missing
    )


def test_a_table_begins_with_the_specified_columns_and_ends_with_the_reason(labels, image):
    table = extract(labels, {1: image})[1]
    assert tuple(table) == (*TRACE_COLUMNS, "saturated_pixels", "reason")
    assert set(table["fov"]) == {4}


def test_rows_are_sorted_by_cell_then_frame_and_carry_the_frames_own_times(labels, image):
    table = extract(labels, {1: image})[1]
    assert table["cell"].tolist() == [1] * 6 + [7] * 4
    assert table["frame"].tolist() == [0, 1, 2, 3, 4, 5, 2, 3, 4, 5]
    np.testing.assert_array_equal(table["time"], 10.0 * table["frame"])


def test_totals_are_those_of_the_plain_statement_in_every_channel(labels, image):
    images = {1: image, 3: (image * 100).astype(np.uint16)}
    for channel, table in extract(labels, images).items():
        np.testing.assert_allclose(
            table["intensity_total"], plain_totals(labels, images[channel]), rtol=1e-6
        )


def test_centers_count_from_the_center_of_the_first_pixel(labels, image):
    table = extract(labels, {1: image})[1]
    assert table["position_x"][0] == 8.0
    assert table["position_y"][0] == 7.0


def test_missing_frames_give_no_rows(labels, image):
    table = extract(labels, {1: image}, missing=[0, 3])[1]
    assert table["frame"].tolist() == [1, 2, 4, 5, 2, 4, 5]


def test_without_images_there_is_one_table_of_shapes(labels):
    extraction = extract(labels, {})
    assert list(extraction) == [None]
    assert "intensity_total" not in extraction[None]
    assert extraction[None]["area"][0] == 35


def test_pixels_without_a_value_are_left_out(labels, image):
    image[0, 5, 5] = np.nan
    image[1] = np.nan
    table = extract(labels, {1: image}, features=["intensity_mean", "intensity_max"])[1]
    rest = image[0][labels[0] == 1][1:]
    assert table["intensity_total"][0] == pytest.approx(rest.sum(dtype=float))
    assert table["intensity_mean"][0] == pytest.approx(rest.mean(dtype=float))
    assert np.isnan(table["intensity_total"][1])
    assert np.isnan(table["intensity_max"][1])


@pytest.mark.parametrize("n_frames", [0, 1, 3])
def test_no_cells_give_an_empty_table_and_say_so(n_frames):
    nothing = np.zeros((n_frames, 16, 16), np.uint16)
    extraction = extract(nothing, {1: nothing})
    assert tuple(extraction[1]) == (*TRACE_COLUMNS, "saturated_pixels", "reason")
    assert not len(extraction[1]["cell"])
    assert extraction.messages == [
        Message("No cells were found: check the segmentation.", "warning")
    ]


def test_features_are_chosen_for_all_channels_and_for_single_ones(labels, image):
    extraction = extract(
        labels,
        {1: image, 2: image},
        features=["perimeter", "intensity_mean"],
        channel_features={2: ["intensity_max", "bounding_box"]},
    )
    assert list(extraction[1])[9:] == ["perimeter", "intensity_mean", "reason"]
    assert list(extraction[2])[9:] == [
        "intensity_max", "bbox_x0", "bbox_y0", "bbox_x1", "bbox_y1", "reason",
    ]  # fmt: skip


def test_channels_may_be_given_by_name():
    params = ExtractionParams(channel_features={"GFP": ["intensity_max"]})
    resolved = params.with_channel_indices(["Phase", "GFP"])
    assert resolved.features_of(1)[-1] == "intensity_max"


@pytest.mark.parametrize("channel", ["DAPI", 2])
def test_a_channel_that_is_not_there_is_an_error(channel):
    params = ExtractionParams(channel_features={channel: ["intensity_max"]})
    with pytest.raises(InputError, match=r"has channels 0 \(Phase\), 1 \(GFP\)"):
        params.with_channel_indices(["Phase", "GFP"])


def test_channels_without_names_are_given_by_index():
    params = ExtractionParams(channel_features={1: ["intensity_max"]})
    assert params.with_channel_indices([]) == params


def test_parameters_are_the_same_after_a_way_through_json():
    params = ExtractionParams(channel_features={1: ["intensity_max"], "GFP": ["area"]})
    assert ExtractionParams.model_validate_json(params.model_dump_json()) == params


@pytest.mark.parametrize("field", [{"features": ["perimetre"]}, {"channel_features": {1: ["x"]}}])
def test_an_unknown_feature_is_an_error_that_names_those_there_are(field):
    with pytest.raises(ValueError, match=r"unknown.*perimeter"):
        ExtractionParams(**field)


def test_images_of_another_size_are_an_error(labels, image):
    with pytest.raises(InputError, match="channel 1"):
        extract(labels, {1: image[:, :-1]})


def test_times_must_fit_the_frames(labels):
    with pytest.raises(InputError, match="2 times for 6 frames"):
        extract_stack(labels, {}, ExtractionParams(), times=np.arange(2.0), fov=0)


def test_each_frame_is_announced_once(labels, image):
    seen = []
    extract_stack(
        labels,
        {1: image},
        ExtractionParams(),
        times=np.arange(6.0),
        fov=0,
        missing=[2],
        tick=lambda message, frame: seen.append(frame),
    )
    assert seen == [0, 1, 3, 4, 5]


def test_stacks_are_read_one_frame_at_a_time(labels, image):
    class FramesOnly:
        def __init__(self, array):
            self.array, self.shape = array, array.shape

        def __len__(self):
            return len(self.array)

        def __getitem__(self, frame):
            assert isinstance(frame, int)
            return self.array[frame]

    lazy = extract(FramesOnly(labels), {1: FramesOnly(image)})[1]
    whole = extract(labels, {1: image})[1]
    for name in whole:
        np.testing.assert_array_equal(lazy[name], whole[name])
