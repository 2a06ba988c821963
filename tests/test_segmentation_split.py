import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import h_maxima

from pyama_core.processing.segmentation import SegmentationParams, SegmentedFrame, segment_frame
from pyama_core.processing.segmentation.splitting import (
    distance_to_background,
    flooded,
    smoothed,
    split_cells,
)
from pyama_core.processing.segmentation.stack import finish
from tests.reference import segmentation as plain
from tests.test_bits import masks
from tests.test_segmentation_log_std import textured_disks

EIGHT = np.ones((3, 3))


def disks(shape, centers, radius=15):
    rows, columns = np.indices(shape)
    return np.any([np.hypot(rows - y, columns - x) < radius for y, x in centers], axis=0)


@settings(deadline=None)
@given(masks())
def test_the_distance_equals_scipy(mask):
    found = distance_to_background(mask)
    expected = plain.distance_to_background(mask)
    known = expected < np.inf
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-6)
    assert (found[~known] > 1000).all()


@settings(deadline=None)
@given(
    st.tuples(st.integers(16, 40), st.integers(16, 70)),
    st.floats(0, 12),
    st.integers(0, 2**32),
)
def test_smoothing_equals_scipy(shape, sigma, seed):
    image = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    radius = min(int(4 * sigma + 0.5), min(shape) - 1)
    expected = (
        ndimage.gaussian_filter(image.astype(float), sigma, radius=radius) if radius else image
    )
    np.testing.assert_allclose(smoothed(image, sigma), expected, atol=1e-5)


def _heights(draw_seed, shape, levels):
    rng = np.random.default_rng(draw_seed)
    rough = ndimage.gaussian_filter(rng.random(shape), 1)
    heights = np.rint(levels * (rough - rough.min()) / np.ptp(rough)).astype(int)
    heights[rng.random(shape) < 0.1] = 0
    heights.ravel()[:2] = 1, 65536
    return heights


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from((20, 65535)), st.sampled_from((1, 500, 9000)))
def test_flooding_equals_its_plain_statement(seed, levels, depth):
    heights = _heights(seed, (14, 15), levels)
    numbers = flooded(heights.astype(np.float32), heights > 0, depth)
    expected = {frozenset(hill) for hill in plain.flooded(heights, depth)}
    found = {
        frozenset(map(tuple, np.argwhere(numbers == number)))
        for number in range(1, int(numbers.max()) + 1)
    }
    assert found == expected


def test_hills_are_the_h_maxima():
    heights = _heights(0, (80, 90), 60000)
    numbers = flooded(heights.astype(np.float32), heights > 0, 4000)
    peaks, count = ndimage.label(h_maxima(heights, 3999), EIGHT)
    assert numbers.max() == count
    assert len(np.unique(numbers[peaks > 0])) == count


@pytest.mark.parametrize("method", ["distance", "intensity"])
@settings(deadline=None, max_examples=30)
@given(masks())
def test_instances_cover_the_mask_and_are_connected(method, mask):
    frame = np.random.default_rng(0).integers(0, 60000, mask.shape).astype(np.uint16)
    numbers = split_cells(frame, mask, SegmentationParams(split=method))
    np.testing.assert_array_equal(numbers > 0, mask)
    assert np.array_equal(np.unique(numbers[mask]), np.arange(1, int(numbers.max()) + 1))
    for number in range(1, min(int(numbers.max()), 20) + 1):
        assert ndimage.label(numbers == number, EIGHT)[1] == 1


def test_touching_disks_are_two_cells_and_a_disk_is_one():
    mask = disks((90, 120), [(40, 30), (40, 56), (40, 100)])
    numbers = split_cells(mask, mask, SegmentationParams(split="distance"))
    assert numbers.max() == 3
    assert len({int(numbers[40, x]) for x in (30, 56, 100)}) == 3
    deep = SegmentationParams(split="distance", split_depth=50)
    assert split_cells(mask, mask, deep).max() == 2


def test_a_dark_line_splits_by_intensity():
    mask = disks((80, 80), [(40, 40)], radius=25)
    frame = np.where(mask, 3000, 1000).astype(np.uint16)
    frame[:, 36:44] = 1000
    params = SegmentationParams(split="intensity", split_smoothing=2)
    numbers = split_cells(frame, mask, params)
    assert numbers.max() == 2
    assert numbers[40, 25] != numbers[40, 55]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pixels_that_are_not_finite_hide_no_notch(bad):
    mask = disks((80, 80), [(40, 40)], radius=25)
    frame = np.where(mask, 3000, 1000).astype(np.float32)
    frame[:, 36:44] = 1000
    frame[[5, 30], [5, 25]] = bad
    params = SegmentationParams(split="intensity", split_smoothing=2)
    assert split_cells(frame, mask, params).max() == 2


@pytest.mark.parametrize("method", ["distance", "intensity"])
def test_equal_heights_have_no_notch_whatever_the_outline(method):
    bow = np.zeros((16, 16), bool)
    bow[8, 2:12] = bow[2:9, 2] = bow[2:9, 11] = True
    params = SegmentationParams(split=method, split_smoothing=0)
    assert split_cells(np.ones((16, 16), np.uint8), bow, params).max() == 1


@pytest.mark.parametrize("method", ["distance", "intensity"])
@pytest.mark.parametrize("fill", [False, True])
def test_an_empty_and_a_full_mask(method, fill):
    mask = np.full((20, 30), fill)
    numbers = split_cells(np.ones((20, 30), np.uint8), mask, SegmentationParams(split=method))
    assert numbers.dtype == np.uint16
    assert numbers.max() == fill


def test_more_than_65535_cells_are_uint32():
    mask = np.zeros((600, 600), bool)
    mask[::2, ::2] = True
    numbers = split_cells(mask, mask, SegmentationParams(split="distance"))
    assert (numbers.dtype, numbers.max()) == (np.uint32, 90000)


def test_log_std_splits_before_closing():
    frame, _ = textured_disks((140, 160), [(70, 50), (70, 106)], radius=26)
    together = segment_frame(frame, SegmentationParams()).mask
    apart = segment_frame(frame, SegmentationParams(split="distance"))
    assert ndimage.label(together)[1] == 1
    assert apart.instances.max() == 2
    np.testing.assert_array_equal(apart.mask, apart.instances > 0)


def test_cells_shrink_from_the_background_but_not_from_each_other():
    mask = disks((90, 90), [(40, 30), (40, 56)])
    given_ = SegmentedFrame(mask)
    whole = finish(mask, given_, SegmentationParams(split="distance")).instances
    less = finish(mask, given_, SegmentationParams(split="distance", shrink=2)).instances
    expected = np.where(plain.distance_to_background(mask) > 2, whole, 0)
    np.testing.assert_array_equal(less, expected)


def test_small_instances_are_dropped_and_the_others_keep_their_number():
    instances = np.zeros((30, 30), np.uint16)
    instances[:5, :5], instances[10:20, 10:20] = 1, 7
    params = SegmentationParams(min_size=26)
    kept = finish(instances, SegmentedFrame(instances > 0, instances), params)
    assert set(np.unique(kept.instances)) == {0, 7}
    assert kept.instances.dtype == np.uint16
    np.testing.assert_array_equal(kept.mask, kept.instances > 0)
