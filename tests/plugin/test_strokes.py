"""The array of strokes answers as a NumPy array does, and holds only frames that are painted on."""

from copy import deepcopy

import numpy as np
import pytest

from napari_pyama.layers.strokes import StrokeStack

SHAPE = (3, 4, 6, 8)


@pytest.fixture
def pair():
    """An array of strokes and a plain one."""
    return StrokeStack(SHAPE), np.zeros(SHAPE, np.uint8)


WRITES = [
    ((1, 2, 3, 4), 5),
    ((slice(1, 2), slice(2, 3), slice(0, 3), slice(2, 5)), 2),
    ((slice(1, 2), slice(2, 3), slice(0, 3), slice(2, 5)), np.arange(9).reshape(1, 1, 3, 3)),
    ((0, slice(None), 2), 7),
    ((..., slice(1, 3), 0), np.arange(2)),
    (1, 3),
    ((np.int64(2), np.int64(1)), 1),
    ((-1, -2, slice(None, None, 2)), 4),
    ((np.array([0, 2, 2]), np.array([1, 0, 3]), np.array([5, 5, 0]), np.array([7, 0, 1])), 9),
    ((np.array([0, 0]), np.array([1, 1]), np.array([5, 4]), np.array([7, 0])), np.array([1, 2])),
]


@pytest.mark.parametrize(("index", "value"), WRITES, ids=str)
def test_what_is_written_is_read_as_from_a_plain_array(pair, index, value):
    strokes, plain = pair
    strokes[1, 1, 0, 0] = plain[1, 1, 0, 0] = 8
    strokes[index] = value
    plain[index] = value
    assert np.array_equal(np.asarray(strokes[index]), plain[index])
    assert np.array_equal(np.asarray(strokes), plain)
    assert np.max(strokes) == plain.max()


def test_only_painted_frames_take_memory():
    strokes = StrokeStack((1000, 1000, 2048, 2048))
    strokes[7, 9, :5, :5] = 1
    assert list(strokes.frames) == [(7, 9)]
    assert not strokes[8, 8].any()
    assert np.max(strokes) == 1
    assert np.max(StrokeStack(SHAPE)) == 0


def test_reading_gives_no_way_to_paint_by_accident(pair):
    strokes, _ = pair
    strokes[0, 0, 0, 0] = 1
    strokes[0, 0][...] = 5
    assert np.asarray(strokes).sum() == 1


def test_a_copy_is_its_own(pair):
    strokes, _ = pair
    strokes[0, 0, 0, 0] = 1
    copied = deepcopy(strokes)
    copied[0, 0, 1, 1] = 2
    assert strokes[0, 0, 1, 1] == 0 and copied[0, 0, 0, 0] == 1


def test_frames_that_were_erased_are_not_painted(pair):
    strokes, _ = pair
    strokes[2, 1, 0, 0] = strokes[0, 3, 0, 0] = strokes[1, 1, 0, 0] = 1
    strokes[1, 1] = 0
    assert [key for key, _ in strokes.painted()] == [(0, 3), (2, 1)]


def test_an_index_that_cannot_be_painted_at_is_refused(pair):
    with pytest.raises(TypeError, match="numbers and slices"):
        pair[0][None, 0] = 1
