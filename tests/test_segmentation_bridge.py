import numpy as np
import pytest

from pyama_core.processing.segmentation import SegmentationParams, SegmentedFrame, segment_stack
from pyama_core.processing.segmentation.stack import bridged
from tests.test_segmentation_log_std import textured_disks

SHAPE = (40, 60)


def square(y, x, size=10, number=1):
    labels = np.zeros(SHAPE, np.uint16)
    labels[y : y + size, x : x + size] = number
    return labels


def movie(*frames, instances=False):
    for labels in frames:
        yield SegmentedFrame(labels > 0, labels if instances else None)


def masks(frames, gap=1, overlap=0.5, missing=()):
    return [frame.mask for frame in bridged(frames, gap, overlap, missing)]


EMPTY = square(0, 0, 0)


def test_a_cell_absent_for_one_frame_is_put_back_where_it_was_before_and_after():
    found = masks(movie(square(5, 5), EMPTY, square(6, 6)))
    expected = (square(5, 5) > 0) & (square(6, 6) > 0)
    np.testing.assert_array_equal(found[1], expected)
    np.testing.assert_array_equal(found[0], square(5, 5) > 0)
    np.testing.assert_array_equal(found[2], square(6, 6) > 0)


@pytest.mark.parametrize(("gap", "filled"), [(1, False), (2, True), (3, True)])
def test_an_absence_is_bridged_up_to_the_gap(gap, filled):
    found = masks(movie(square(5, 5), EMPTY, EMPTY, square(5, 5), square(5, 5)), gap)
    assert [mask.any() for mask in found] == [True, filled, filled, True, True]


def test_regions_that_overlap_too_little_are_two_cells():
    assert not masks(movie(square(5, 5), EMPTY, square(5, 10)))[1].any()


def test_a_cell_that_is_there_is_left_as_it_is():
    found = masks(movie(square(5, 5), square(5, 7), square(5, 5)))
    np.testing.assert_array_equal(found[1], square(5, 7) > 0)


def test_missing_frames_stay_empty_and_do_not_count_as_an_absence():
    frames = (EMPTY, square(5, 5), EMPTY, EMPTY, EMPTY, square(5, 5), EMPTY)
    found = masks(movie(*frames), gap=1, missing=[0, 2, 4, 6])
    assert [mask.any() for mask in found] == [False, True, False, True, False, True, False]
    assert [mask.any() for mask in masks(movie(*frames), gap=1)] == [
        frame.any() for frame in frames
    ]


def test_instances_get_a_new_number_and_the_others_stay():
    other = square(25, 40, number=9)
    frames = (square(5, 5, number=2) + other, other, square(5, 5, number=4) + other)
    found = list(bridged(movie(*frames, instances=True), 1, 0.5))
    assert set(np.unique(found[1].instances)) == {0, 9, 10}
    np.testing.assert_array_equal(found[1].instances == 9, other > 0)
    np.testing.assert_array_equal(found[1].mask, found[1].instances > 0)
    assert found[1].instances.dtype == np.uint16


@pytest.mark.parametrize("n_frames", [0, 1, 2, 7])
def test_every_frame_comes_out_once_and_in_order(n_frames):
    frames = [square(5, 3 * t) for t in range(n_frames)]
    for mask, frame in zip(masks(movie(*frames), gap=3), frames, strict=True):
        assert (mask >= (frame > 0)).all()


def test_no_more_frames_are_read_ahead_than_needed():
    read = []

    def reading():
        for t in range(10):
            read.append(t)
            yield SegmentedFrame(square(5, 5) > 0)

    frames = bridged(reading(), 2, 0.5)
    next(frames)
    assert read == [0, 1, 2, 3]


def test_it_is_part_of_the_step():
    stack = np.stack([textured_disks((90, 90), [(45, 45)], seed=t)[0] for t in range(3)])
    stack[1] = textured_disks((90, 90), [])[0]
    found = list(segment_stack(stack, SegmentationParams(bridge=1)))
    assert found[1].mask.sum() > 1000
    assert not list(segment_stack(stack, SegmentationParams()))[1].mask.any()
