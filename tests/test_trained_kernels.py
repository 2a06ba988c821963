import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyama_core.processing.segmentation.trained.features import (
    REACH,
    Planes,
    contrast,
    enlarged,
    image_planes,
    ray_planes,
)
from pyama_core.processing.segmentation.trained.forest import rows_at
from pyama_core.processing.segmentation.trained.segment import grow_marks, snapped
from pyama_core.processing.segmentation.trained.train import as_arrays
from tests.reference import trained as plain

seeds = st.integers(0, 2**32)
sides = st.integers(1, 24)


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@settings(deadline=None, max_examples=15)
@given(seeds, sides, sides)
def test_rays_equal_their_plain_statement(seed, height, width):
    plane = noise(seed, height, width)
    np.testing.assert_array_equal(ray_planes(plane), plain.ray_planes(plane))


def test_a_ring_is_met_in_all_directions_from_its_inside_only():
    distance = np.hypot(*np.indices((41, 41)) - 20.0)
    ring = (np.abs(distance - 10) < 1.5).astype(np.float32)
    least = ray_planes(ring)[2 * 4]
    assert least[20, 20] == 1 and least[20, 38] == 0


@settings(deadline=None, max_examples=30)
@given(seeds, sides, sides)
def test_features_of_pixels_are_interpolated_linearly(seed, height, width):
    rng = np.random.default_rng(seed)
    planes = Planes(noise(seed, 2, 2 * height, 2 * width), noise(seed, 3, height, width))
    ys, xs = rng.integers(2 * height, size=9), rng.integers(2 * width, size=9)
    expected = plain.rows_at(planes, ys, xs)
    np.testing.assert_allclose(rows_at(planes, ys, xs), expected, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(seeds, sides, sides, st.integers(1, 4))
def test_enlarging_equals_linear_interpolation(seed, height, width, factor):
    plane = noise(seed, height, width)
    shape = (height * factor - factor // 2, width * factor)
    expected = plain.enlarged(plane, factor, shape)
    np.testing.assert_allclose(enlarged(plane, factor, shape), expected, atol=1e-5)


@settings(deadline=None, max_examples=50)
@given(seeds, sides, sides, st.sampled_from((2, 255)))
def test_growing_equals_a_flood_with_a_heap(seed, height, width, steepest):
    rng = np.random.default_rng(seed)
    marks = rng.choice(3, size=(height, width), p=(0.8, 0.1, 0.1)).astype(np.uint8)
    levels = rng.integers(0, steepest + 1, (height, width), dtype=np.uint8)
    expected = plain.grown(marks, levels)
    grow_marks(marks, levels)
    np.testing.assert_array_equal(marks, expected)


def test_an_outline_moves_to_the_edge_in_the_image():
    image = np.zeros((40, 60), np.float32)
    image[:, 37:] = 1
    probability = np.broadcast_to(np.linspace(0, 1, 60, dtype=np.float32), image.shape)
    cells = snapped(image, probability, 0.9, 0.1)
    np.testing.assert_array_equal(cells, np.broadcast_to(np.arange(60) >= 37, image.shape))


def test_without_doubt_the_probability_alone_decides():
    probability = np.random.default_rng(0).random((20, 20), np.float32)
    cells = snapped(np.zeros((20, 20), np.float32), probability, 0.5, 0.8)
    np.testing.assert_array_equal(cells, probability > 0.5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_forest_answers_as_scikit_learn_does(n_classes):
    from sklearn.ensemble import ExtraTreesClassifier

    rng = np.random.default_rng(1)
    planes = Planes(noise(2, 3, 16, 20), noise(3, 4, 8, 10))
    ys, xs = (grid.ravel() for grid in np.indices((16, 20)))
    rows, kinds = rows_at(planes, ys, xs), rng.integers(n_classes, size=320)
    forest = ExtraTreesClassifier(5, class_weight="balanced", random_state=0).fit(rows, kinds)
    found = as_arrays([tree.tree_ for tree in forest.estimators_]).probabilities(planes)
    expected = forest.predict_proba(rows).T.reshape(n_classes, 16, 20)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("binning", [1, 2, 3])
def test_features_of_any_frame_are_finite(dtype, binning):
    constant = np.full((17, 21), 7, dtype)
    extreme = (np.indices((17, 21)).sum(axis=0) % 2 * 255).astype(dtype)
    for frame in (constant, extreme, np.zeros((17, 21), dtype)):
        planes = image_planes(contrast(frame, binning), binning)
        assert all(np.isfinite(part).all() for part in planes)
        assert planes.fine.shape[1] == 2 * planes.coarse.shape[1]


def test_features_take_nothing_from_beyond_their_reach():
    image = noise(0, 2 * REACH + 8, 16)
    whole, part = image_planes(image, 1), image_planes(image[: REACH + 4], 1)
    np.testing.assert_allclose(whole.fine[:, :4], part.fine[:, :4], atol=1e-5)
    np.testing.assert_allclose(whole.coarse[:, :2], part.coarse[:, :2], atol=1e-5)
