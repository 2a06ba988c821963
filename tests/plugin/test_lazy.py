"""Lazy arrays against the arrays they stand for."""

import copy

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from napari.layers import Image, Labels
from napari.layers.utils.stack_utils import stack_to_images

from napari_pyama.layers.lazy import LazyStack

WHOLE = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5)
LAZY = LazyStack(WHOLE.shape, WHOLE.dtype, lambda where: WHOLE[where])


@given(hnp.basic_indices(WHOLE.shape, allow_ellipsis=True))
def test_an_index_gives_what_numpy_gives(index):
    found = LAZY[index]
    assert found.shape == WHOLE[index].shape
    assert found.dtype == WHOLE.dtype
    np.testing.assert_array_equal(found, WHOLE[index])


@pytest.mark.parametrize(
    "index", [[1, 0], (0, [2, 1]), np.array([1]), None, (0, np.array([True, False, True]))]
)
def test_other_indices_give_what_numpy_gives(index):
    np.testing.assert_array_equal(LAZY[index], WHOLE[index])


@pytest.mark.parametrize("index", [(1, 2), (0, -1, slice(None, None, -1), 3), (slice(1), 0)])
def test_a_frame_is_an_array_of_numpy(index):
    assert isinstance(LAZY[index], np.ndarray)


def test_several_frames_are_read_when_they_are_computed():
    read = []

    def frame_at(where):
        read.append(where)
        return WHOLE[where]

    part = LazyStack(WHOLE.shape, WHOLE.dtype, frame_at)[1, ::-2, 1:, 3]
    assert isinstance(part, da.Array)
    assert read == []
    np.testing.assert_array_equal(part, WHOLE[1, ::-2, 1:, 3])
    assert sorted(read) == [(1, 0), (1, 2)]


@pytest.mark.parametrize(
    "index", [2, -3, (0, 3), (0, 0, 0, 5), (0, 0, 0, 0, 0), (0, ..., ...), (0, 0, 0, 0, 0, ...)]
)
def test_what_is_not_there_cannot_be_had(index):
    with pytest.raises(IndexError):
        LAZY[index]


@given(st.sampled_from([np.uint8, np.int32, np.float32, np.float64]))
def test_frames_are_cast_to_the_type_of_the_whole(dtype):
    lazy = LazyStack(WHOLE.shape, dtype, lambda where: WHOLE[where])
    np.testing.assert_array_equal(np.asarray(lazy), WHOLE.astype(dtype))
    assert np.asarray(lazy).dtype == dtype
    assert np.asarray(lazy, dtype=np.float64).dtype == np.float64


def test_it_is_as_long_as_its_first_axis():
    assert len(LAZY) == 2
    assert [frame.shape for frame in LAZY] == [(3, 4, 5)] * 2


def test_functions_of_numpy_stay_lazy():
    projected = np.max(LAZY, axis=1, keepdims=False)
    stacked = np.stack([LAZY, LAZY])
    assert isinstance(projected, da.Array)
    assert isinstance(stacked, da.Array)
    np.testing.assert_array_equal(projected, WHOLE.max(axis=1))
    np.testing.assert_array_equal(stacked, np.stack([WHOLE, WHOLE]))
    np.testing.assert_array_equal(LAZY.astype(float), WHOLE.astype(float))


@pytest.mark.parametrize("compute", [np.sqrt, lambda a: a + 1, lambda a: 2 * a, lambda a: a == 7])
def test_arithmetic_stays_lazy(compute):
    assert isinstance(compute(LAZY), da.Array)
    np.testing.assert_array_equal(compute(LAZY), compute(WHOLE))


def test_arithmetic_with_arrays_of_numpy_and_dask_stays_lazy():
    for other in (WHOLE, LAZY.to_dask()):
        for total in (LAZY + other, other + LAZY):
            assert isinstance(total, da.Array)
            np.testing.assert_array_equal(total, 2 * WHOLE)


def test_splitting_a_stack_reads_nothing():
    def fail(where):
        raise AssertionError(f"{where} is read")

    layer = Image(LazyStack(WHOLE.shape, WHOLE.dtype, fail), contrast_limits=(0, 9), visible=False)
    positions = stack_to_images(layer, 0, contrast_limits=(0, 9), visible=False)
    assert [position.data.shape for position in positions] == [(3, 4, 5)] * 2


def test_what_else_an_array_has_is_lazy():
    assert isinstance(LAZY.max(axis=0), da.Array)
    assert LAZY.max().compute() == WHOLE.max()
    assert LAZY.T.shape == WHOLE.T.shape
    np.testing.assert_array_equal(LAZY.compute(), WHOLE)
    for name in ("rechunk", "__array_interface__", "flags", "colour"):
        assert not hasattr(LAZY, name)


def test_a_copy_reads_the_same_frames():
    np.testing.assert_array_equal(copy.deepcopy(LAZY), WHOLE)


def test_painting_says_that_frames_cannot_be_changed():
    layer = Labels(LAZY)
    with pytest.raises(TypeError, match="read from files and cannot be changed"):
        layer.paint((0, 0, 1, 1), 7)


def test_napari_finds_range_and_histogram():
    layer = Image(LAZY)
    layer.reset_contrast_limits(mode="data")
    assert layer.contrast_limits == [0, 119]
    layer.histogram.mode = "full"
    layer.histogram.compute()
    assert layer.histogram.counts.sum() > 0
