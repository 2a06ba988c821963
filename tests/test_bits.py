import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pyama_core.processing.raster import bitmask as bit
from pyama_core.processing.raster import bitmask as runs
from tests.reference import segmentation as plain


@st.composite
def masks(draw):
    """Speckle, blobs, all and nothing, of widths around the size of a word."""
    shape = draw(st.tuples(st.integers(1, 60), st.integers(1, 200)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    noise = rng.random(shape)
    if draw(st.booleans()):
        noise = ndimage.gaussian_filter(noise, 2)
    return noise < np.quantile(noise, draw(st.sampled_from((0.0, 0.02, 0.5, 0.9, 1.0)))) + 1e-9


@given(masks())
def test_packing_loses_nothing(mask):
    np.testing.assert_array_equal(bit.unpack(bit.pack(mask), mask.shape[1]), mask)


@settings(deadline=None)
@given(masks(), st.sampled_from((1, 3, 5, 19, 37, 63, 65, 131, 201)), st.booleans())
def test_erosion_and_dilation_equal_scipy(mask, size, outside):
    square, width = np.ones((size, size)), mask.shape[1]
    bits = bit.pack(mask)
    bit.erode(bits, width, size, outside)
    expected = ndimage.minimum_filter(mask, size, mode="constant", cval=outside)
    np.testing.assert_array_equal(bit.unpack(bits, width), expected)
    if size < 20:
        scipys = ndimage.binary_erosion(mask, square, border_value=outside)
        np.testing.assert_array_equal(expected, scipys)
    bits = bit.pack(mask)
    bit.dilate(bits, width, size)
    expected = ndimage.maximum_filter(mask, size, mode="constant", cval=False)
    np.testing.assert_array_equal(bit.unpack(bits, width), expected)


@pytest.mark.parametrize("shape", [(1100, 70), (3, 140_000)])
def test_images_of_more_rows_or_wider_ones_than_are_worked_on_together(shape):
    mask = np.random.default_rng(0).random(shape) < 0.99
    bits = bit.pack(mask)
    bit.erode(bits, shape[1], 19, True)
    expected = ndimage.minimum_filter(mask, 19, mode="constant", cval=True)
    np.testing.assert_array_equal(bit.unpack(bits, shape[1]), expected)


@settings(deadline=None)
@given(masks())
def test_holes_equal_scipy(mask):
    bits = bit.pack(mask)
    runs.fill_holes(bits, mask.shape[1])
    expected = ndimage.binary_fill_holes(mask)
    np.testing.assert_array_equal(bit.unpack(bits, mask.shape[1]), expected)


@settings(deadline=None)
@given(masks(), st.integers(0, 40))
def test_small_regions_equal_scipy(mask, min_size):
    bits = bit.pack(mask)
    runs.remove_small(bits, mask.shape[1], min_size)
    expected = plain.without_small(mask, min_size)
    np.testing.assert_array_equal(bit.unpack(bits, mask.shape[1]), expected)


def test_a_checkerboard_has_as_many_holes_as_inner_gaps():
    mask = np.indices((50, 130)).sum(axis=0) % 2 == 0
    found = runs.find_runs(bit.pack(mask), 130, np.uint64(0), reach=0)
    assert len(np.unique(found.region)) == mask.sum()
    assert len(np.unique(runs.find_runs(bit.pack(mask), 130, np.uint64(0), reach=1).region)) == 1
