import numpy as np
import pytest
from benchmarks.accuracy.scores import count_matches, f1, foreground_iou, instance_f1
from benchmarks.accuracy.strokes import draw_strokes
from scipy import ndimage as ndi


def squares():
    instances = np.zeros((400, 480), np.uint8)
    for number, (y, x) in enumerate(((20, 20), (20, 71), (110, 60), (120, 170)), start=1):
        instances[y : y + 50, x : x + 50] = number
    return instances


def test_a_cell_matches_where_over_half_of_the_union_is_shared():
    truth, found = np.zeros((10, 30), np.uint8), np.zeros((10, 30), np.uint16)
    truth[:, :10], truth[:, 20:] = 1, 7
    found[:, 4:10], found[:, 25:] = 300, 2
    assert count_matches(truth, found) == (1, 1, 1)
    assert instance_f1(truth, found) == 0.5
    assert foreground_iou(truth, found) == 11 / 20


def test_nothing_found_where_nothing_is_counts_as_right():
    empty = np.zeros((5, 5), np.uint8)
    assert instance_f1(empty, empty) == foreground_iou(empty, empty) == 1.0
    assert instance_f1(empty, empty + 1) == instance_f1(empty + 1, empty) == 0.0
    assert f1(3, 1, 1) == pytest.approx(0.75)


@pytest.mark.parametrize("share", [0.02, 0.04])
def test_strokes_stay_within_their_share_and_cover_each_kind(share):
    instances = squares()
    drawn = draw_strokes(instances, share=share, seed=3)
    assert np.count_nonzero(drawn) <= share * drawn.size
    assert set(np.unique(drawn)) == {0, 1, 2, 3}


def test_strokes_are_connected_lines_on_what_they_name():
    instances = squares()
    drawn = draw_strokes(instances, seed=1)
    assert (instances[drawn == 1] == 0).all() and (instances[drawn == 2] > 0).all()
    outline = ndi.grey_dilation(instances, (7, 7)) != ndi.grey_erosion(instances, (7, 7))
    assert outline[drawn == 3].mean() > 0.9
    for kind in (1, 2, 3):
        _, count = ndi.label(drawn == kind, np.ones((3, 3)))
        assert np.count_nonzero(drawn == kind) / count > 30


def test_the_same_seed_draws_the_same_strokes():
    first, again, other = (draw_strokes(squares(), seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
