"""Planes that were not recorded, pixels without a finite value, and labels that are none."""

import numpy as np
import pytest

from pyama_core.errors import InputError
from pyama_core.io.tables import read_table, write_table
from pyama_core.planes import nothing_recorded
from pyama_core.processing.correction import CorrectionParams, correct_stack
from pyama_core.processing.extraction import ExtractionParams, extract_stack
from pyama_core.processing.segmentation import SegmentationParams, segment_stack
from pyama_core.processing.segmentation.stack import finish
from pyama_core.processing.segmentation.types import SegmentedFrame
from pyama_core.processing.tracking import TrackingParams, track_stack
from tests.test_segmentation_log_std import textured_disks

N_FRAMES = 8
FEATURES = ("intensity_total", "intensity_mean", "intensity_median", "intensity_std")


@pytest.fixture
def labels() -> np.ndarray:
    labels = np.zeros((N_FRAMES, 40, 40), np.uint16)
    labels[:, 5:15, 5:15] = 1
    labels[:, 25:35, 25:35] = 2
    return labels


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).poisson(300, (N_FRAMES, 40, 40)).astype(np.uint16)


def extract(labels, images, missing=(), **params):
    times = np.arange(float(len(labels)))
    given = ExtractionParams(features=FEATURES, **params)
    return extract_stack(labels, images, given, times=times, fov=0, missing=missing)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_where_a_channel_was_not_recorded_rows_stay_and_intensities_are_empty(labels, image, dtype):
    sparse = (image // 2).astype(dtype)
    sparse[1::3] = nothing_recorded(sparse.shape[1:], dtype)
    tables = extract(labels, {1: image, 2: sparse})
    assert len(tables[1]["cell"]) == len(tables[2]["cell"]) == 2 * N_FRAMES
    for name in FEATURES:
        np.testing.assert_array_equal(np.isnan(tables[2][name]), tables[2]["frame"] % 3 == 1)
        assert not np.isnan(tables[1][name]).any()
    assert tables[1]["good"].all()
    assert tables[2]["good"].all()


def test_darkness_in_floats_is_measured(labels):
    table = extract(labels, {1: np.zeros(labels.shape, np.float32)})[1]
    assert (table["intensity_total"] == 0).all()
    assert table["good"].all()


def test_a_channel_that_was_never_recorded_gives_no_good_trace_and_empty_columns(
    labels, image, tmp_path
):
    extraction = extract(labels, {1: image, 2: np.zeros_like(image)})
    assert extraction[1]["good"].all()
    assert set(extraction[2]["reason"]) == {"no intensity recorded"}
    expected = "Channel 2: None of the 2 traces is good: 2 no intensity recorded."
    assert [str(message) for message in extraction.messages] == [expected]
    write_table(tmp_path / "table.csv", extraction[2])
    assert "nan" not in (tmp_path / "table.csv").read_text()
    read = read_table(tmp_path / "table.csv")
    for name in FEATURES:
        assert read[name].dtype == np.float64
        assert np.isnan(read[name]).all()
    assert set(extract(labels, {1: image})[1]["reason"]) == {""}


def test_a_table_with_gaps_reads_back_as_it_was_and_keeps_empty_reasons_text(
    labels, image, tmp_path
):
    image[2] = 0
    table = extract(labels, {1: image})[1]
    write_table(tmp_path / "table.csv", table)
    read = read_table(tmp_path / "table.csv")
    for name in FEATURES:
        np.testing.assert_allclose(read[name], table[name], atol=1e-6)
    assert read["reason"].tolist() == [""] * len(read["cell"])


def test_traces_are_judged_by_the_frames_that_are_there(labels, image):
    labels[5:] = 0
    labels[:3, 25:35, 25:35] = 0
    reasons = extract(labels, {1: image}, missing=range(5, N_FRAMES))[1]["reason"]
    assert set(reasons) == {""}
    assert set(extract(labels, {1: image})[1]["reason"]) == {"", "shorter than 4 frames"}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_finite_are_left_out_counted_and_count_against_the_trace(
    labels, image, value
):
    image = image.astype(np.float32)
    image[3, 5, 5:8] = value
    image[4, 25, 25] = value
    extraction = extract(labels, {1: image})
    table = extraction[1]
    assert all(np.isfinite(table[name]).all() for name in FEATURES)
    rest = image[3][labels[3] == 1][3:]
    assert table["intensity_total"][3] == pytest.approx(rest.sum(dtype=float))
    assert table["intensity_mean"][3] == pytest.approx(rest.mean(dtype=float))
    assert set(table["reason"][:N_FRAMES]) == {"more than 1 % of its pixels not finite"}
    assert set(table["reason"][N_FRAMES:]) == {""}
    assert [str(message) for message in extraction.messages] == [
        "Channel 1: 4 pixels of 2 of 2 cells, in 2 of 16 measurements (12 %), are not finite "
        "(NaN or infinite) and left out."
    ]


def test_sums_beyond_all_numbers_are_empty(labels):
    table = extract(labels, {1: np.full(labels.shape, 1e308)})[1]
    assert np.isnan(table["intensity_total"]).all()


SPOILED = {
    "background of -1": lambda labels: labels.astype(np.int32) - 1,
    "ids above 32 bits": lambda labels: labels.astype(np.int64) * 2**33,
    "ids above 32 bits, unsigned": lambda labels: labels.astype(np.uint64) * 2**33,
    "floats": lambda labels: labels.astype(np.float32),
    "NaN": lambda labels: np.where(labels == 0, np.nan, labels),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_what_is_no_label_is_refused_by_every_step(labels, image, spoil):
    spoiled = spoil(labels)
    with pytest.raises(InputError, match=r"labels are \w+ from .*; give bool, or integers from 0"):
        extract(spoiled, {1: image})
    with pytest.raises(InputError, match=r"labels are|whole numbers"):
        track_stack(spoiled, TrackingParams())
    with pytest.raises(InputError, match="labels are"):
        list(correct_stack(image, spoiled, CorrectionParams()))
    with pytest.raises(InputError, match="instances: labels are"):
        finish(image[0], SegmentedFrame(labels[0] > 0, spoiled[0]), SegmentationParams())


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint64", ">u2", "bool"])
def test_labels_in_any_type_of_whole_numbers_are_the_same_cells(labels, image, dtype):
    single = np.where(labels == 1, labels, 0)
    expected = extract(single, {1: image})[1]["intensity_total"]
    table = extract(single.astype(dtype), {1: image})[1]
    np.testing.assert_array_equal(table["intensity_total"], expected)


def test_the_greatest_label_stays_a_cell_of_its_own(labels, image):
    labels = labels.astype(np.int64)
    labels[labels == 2] = 2**32 - 1
    assert set(extract(labels, {1: image})[1]["cell"].tolist()) == {1, 2**32 - 1}


def test_instances_with_huge_numbers_need_no_memory_for_all_of_them(labels, image):
    huge = np.where(labels[0] == 2, np.uint32(4_000_000_000), labels[0])
    given = SegmentedFrame(huge > 0, huge)
    finished = finish(image[0], given, SegmentationParams(min_size=5))
    assert np.unique(finished.instances).tolist() == [0, 1, 2]


@pytest.mark.parametrize("bridge", [0, 1])
def test_frames_without_phase_have_no_cells_and_are_passed_over(bridge):
    disks = (textured_disks((100, 120), [(50, 40 + 4 * seed)], seed=seed) for seed in range(3))
    stack = np.stack([frame for frame, _ in disks])
    sparse = np.zeros((6, *stack.shape[1:]), np.uint16)
    sparse[::2] = stack
    params = SegmentationParams(bridge=bridge)
    expected = [frame.mask for frame in segment_stack(stack, params)]
    found = [frame.mask for frame in segment_stack(sparse, params)]
    for t, mask in enumerate(found):
        np.testing.assert_array_equal(mask, expected[t // 2] if t % 2 == 0 else False)


def test_frames_without_phase_are_no_gap_for_tracking_nor_background(labels, image):
    masks = labels > 0
    phase = image.copy()
    phase[1::2], masks[1::2] = 0, False
    params = TrackingParams(max_gap=0)
    tracking = track_stack(masks, params, phase=phase)
    assert tracking.lineage.table()["last_frame"].tolist() == [6, 6]
    assert len(track_stack(masks, params).lineage) == 8
