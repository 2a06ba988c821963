"""Plain tile background: PyAMA's where it works, sensible everywhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RectBivariateSpline

from pyama_core.processing.correction import (
    CorrectionParams,
    correct_frame,
    correct_stack,
    estimate_background,
)
from pyama_core.processing.correction.medians import MedianCounter
from pyama_core.processing.correction.spline import SplineAxis, SplineSurface
from pyama_core.processing.correction.tiles import divide, widen
from tests.movies import make_movie
from tests.reference import correction as plain

PYAMA = CorrectionParams(method="tiles", fill="frame_median", edges="hold")
TILES = CorrectionParams(method="tiles")


@st.composite
def frames_and_masks(draw):
    """Few and many gray levels, saturation, masks from none to all, in three dtypes."""
    shape = draw(st.tuples(st.integers(16, 90), st.integers(16, 130)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from((np.uint8, np.uint16, np.float32)))
    top = {np.uint8: 255, np.uint16: 65535, np.float32: 1e6}[dtype]
    levels = draw(st.sampled_from((1, 2, 50, 60000)))
    frame = rng.integers(0, levels, shape) * (top / max(levels - 1, 1))
    if dtype == np.float32:
        frame -= draw(st.sampled_from((0.0, 5e5)))
    masked = rng.random(shape) < draw(st.sampled_from((0.0, 0.2, 0.95, 1.0)))
    return frame.astype(dtype), masked


@settings(max_examples=60, deadline=None)
@given(frames_and_masks(), st.sampled_from((4, 16, 40, 256)), st.sampled_from((None, 4, 30)))
def test_medians_equal_the_plain_statement(pair, window, patch):
    frame, masked = pair
    divisions = divide(frame.shape, window, patch)
    found = MedianCounter(*divisions)(frame, masked)
    np.testing.assert_allclose(
        found.tiles, plain.tile_medians(frame, masked, window), rtol=1e-7, atol=1e-4
    )
    rows, columns = (division.patches for division in divisions)
    for i, j, block in plain.blocks(rows, columns, 1):
        values = frame[block][~masked[block]]
        assert found.patches.pixels[i, j] == values.size
        if values.size and frame.dtype != np.float32:
            expected = plain.grouped_median(values.astype(float))
            assert found.patches.medians[i, j] == pytest.approx(expected, abs=0.01)


def test_a_counter_forgets_the_frame_before():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 60000, (2, 60, 70)).astype(np.uint16)
    nothing = np.zeros((60, 70), bool)
    divisions = divide((60, 70), 16, 4)
    used = MedianCounter(*divisions)
    used(first, nothing)
    np.testing.assert_array_equal(
        used(second, nothing).tiles, MedianCounter(*divisions)(second, nothing).tiles
    )


@pytest.mark.parametrize("n", [2, 3, 4, 5, 17])
def test_splines_are_scipys_of_the_order_that_so_many_tiles_carry(n):
    rng = np.random.default_rng(n)
    nodes = np.cumsum(rng.uniform(20, 60, n))
    values = rng.normal(500, 50, (n, n))
    axis = SplineAxis(nodes, 400, hold=True)
    order = min(3, n - 1)
    expected = RectBivariateSpline(nodes, nodes, values, kx=order, ky=order)
    pixels = np.arange(400)
    found = SplineSurface(axis, axis).at_pixels(values)
    np.testing.assert_allclose(found, expected(pixels, pixels), rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(1, 60), min_size=1, max_size=8),
    st.integers(16, 300),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_pieces_of_a_spline_equal_its_weights(gaps, size, hold, seed):
    axis = SplineAxis(np.cumsum(gaps) - 20, size, hold)
    values = np.random.default_rng(seed).normal(0, 1, (len(gaps), len(gaps)))
    surface = SplineSurface(axis, axis)
    expected = axis.pixel_weights @ values @ axis.pixel_weights.T
    scale = max(np.abs(axis.pixel_weights).max() ** 2, 1)
    zeros, out = np.zeros((size, size), np.uint16), np.empty((size, size), np.float32)
    surface.correct(zeros, values, surface.pieces(np.ones_like(values)), out)
    np.testing.assert_allclose(-out, expected, atol=1e-5 * scale * len(gaps))


@pytest.mark.parametrize("margin", [0, 1, 10, 33])
def test_cells_are_widened_by_a_square(margin):
    mask = np.random.default_rng(0).random((70, 90)) < 0.002
    np.testing.assert_array_equal(widen(mask, margin), plain.widened(mask, margin))


@pytest.mark.parametrize("shape", [(513, 600), (700, 1030)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_with_its_settings_the_background_is_pyamas(shape, dtype):
    rng = np.random.default_rng(1)
    frame = rng.poisson(120, shape).astype(dtype)
    mask = rng.random(shape) < 2e-4
    mask[:300, :300] = True
    background = estimate_background(frame[None], mask[None], PYAMA)
    expected = plain.pyama_background(frame, mask)
    np.testing.assert_allclose(background.surface(0), expected, atol=1e-3)
    np.testing.assert_allclose(background.correct(frame, 0), frame - expected, atol=1e-3)


@pytest.mark.parametrize("window", [64, 100, 256])
@pytest.mark.parametrize("edges", ["hold", "extrapolate"])
def test_correcting_subtracts_the_surface_at_high_counts_too(window, edges):
    rng = np.random.default_rng(2)
    frame = rng.integers(40000, 60000, (130, 301)).astype(np.uint16)
    params = CorrectionParams(method="tiles", spatial_window=window, edges=edges)
    background = estimate_background(frame[None], np.zeros((1, 130, 301), bool), params)
    y, x = (axis.pixel_weights for axis in (background.spline.y, background.spline.x))
    expected = frame - y @ background.surfaces[0] @ x.T
    np.testing.assert_allclose(background.correct(frame, 0), expected, atol=1e-2, rtol=1e-6)


@pytest.mark.parametrize("shape", [(16, 16), (17, 400), (512, 31), (300, 300)])
@pytest.mark.parametrize("params", [PYAMA, TILES, CorrectionParams()])
def test_any_size_is_corrected_to_zero_background(shape, params):
    frames = np.random.default_rng(0).poisson(100, (2, *shape)).astype(np.uint16)
    masks = np.zeros(frames.shape, bool)
    for corrected in correct_stack(frames, masks, params):
        assert corrected.dtype == np.float32
        assert corrected.shape == shape
        assert abs(np.median(corrected)) < 1.5


@pytest.mark.parametrize("value", [1, 7, 65535])
@pytest.mark.parametrize("method", ["auto", "tiles", "median_gain", "regression_gain"])
def test_a_constant_image_becomes_zero(value, method):
    frames = np.full((3, 40, 50), value, np.uint16)
    masks = np.zeros(frames.shape, bool)
    masks[:, 10:20, 10:20] = True
    for corrected in correct_stack(frames, masks, CorrectionParams(method=method)):
        np.testing.assert_allclose(corrected, 0, atol=1e-3)


def test_a_tile_of_cells_takes_the_median_of_the_frame_or_its_neighbors():
    ramp = np.broadcast_to(np.arange(600, dtype=np.uint16), (600, 600))
    mask = np.zeros((600, 600), bool)
    mask[:, :250] = True
    filled = estimate_background(ramp[None], mask[None], PYAMA)
    assert filled.surfaces[0, 2, 0] == np.median(ramp[:, 260:])
    near = estimate_background(ramp[None], mask[None], TILES)
    assert near.surfaces[0, 2, 0] == near.surfaces[0, 2, 1]
    assert np.isnan(near.medians[0, :, 0]).all()


@pytest.mark.parametrize("method", ["auto", "tiles", "median_gain", "regression_gain"])
def test_a_frame_of_cells_takes_the_background_of_the_frames_around_it(method):
    movie = make_movie([400, 410, 420, 430, 440])
    masks = movie.masks.copy()
    masks[2] = True
    params = CorrectionParams(method=method, edges="extrapolate")
    background = estimate_background(movie.frames, masks, params)
    between = (background.surface(1) + background.surface(3)) / 2
    np.testing.assert_allclose(background.surface(2), between, atol=2)


@pytest.mark.parametrize("method", ["auto", "tiles", "median_gain", "regression_gain"])
def test_cells_in_every_pixel_of_every_frame_leave_a_finite_image(method):
    frames = np.random.default_rng(0).poisson(100, (2, 64, 64)).astype(np.uint16)
    params = CorrectionParams(method=method)
    for corrected in correct_stack(frames, np.ones(frames.shape, bool), params):
        assert abs(np.median(corrected)) < 1


@pytest.mark.parametrize("fill", ["neighbors", "frame_median"])
def test_a_pixel_without_a_value_takes_no_frame_of_cells_with_it(fill):
    frames = np.full((2, 40, 40), 5.0, np.float32)
    frames[0, 3, 3] = np.nan
    params = CorrectionParams(method="tiles", fill=fill)
    corrected = np.stack(list(correct_stack(frames, np.ones(frames.shape, bool), params)))
    assert np.isnan(corrected).sum() == 1
    assert np.nanmax(np.abs(corrected)) == 0


def test_pixels_that_are_not_finite_are_no_background():
    frame = np.full((40, 40), 5.0, np.float32)
    frame[3:9, 3:9] = np.nan
    frame[20, 20] = np.inf
    corrected = correct_frame(frame, np.zeros((40, 40), bool), TILES)
    assert corrected[0, 0] == 0
    assert np.isnan(corrected[4, 4])


@pytest.mark.parametrize("dead", [-1e9, 1e7, 1e12])
@pytest.mark.parametrize("method", ["auto", "tiles", "regression_gain"])
def test_a_dead_pixel_spoils_no_background(method, dead):
    movie = make_movie([400, 380, 360, 340])
    frames = movie.frames.astype(np.float32)
    params = CorrectionParams(method=method)
    alive = estimate_background(frames, movie.masks, params)
    y, x = np.argwhere(~widen(movie.masks.any(axis=0), params.mask_margin))[0]
    frames[:, y, x] = dead
    background = estimate_background(frames, movie.masks, params)
    assert background.method == alive.method
    for t in range(4):
        np.testing.assert_allclose(background.surface(t), alive.surface(t), atol=0.5)


def test_extrapolating_follows_a_slope_to_the_border_and_holding_does_not():
    ramp = np.broadcast_to(np.arange(0, 1200, 2, dtype=np.uint16), (600, 600))
    mask = np.zeros((600, 600), bool)
    held, followed = (
        correct_frame(ramp, mask, CorrectionParams(method="tiles", edges=edges))[300]
        for edges in ("hold", "extrapolate")
    )
    assert abs(followed).max() < 3
    assert held[0] < -150


def test_labels_serve_as_masks():
    movie = make_movie([400])
    labels = movie.masks.astype(np.uint16) * 300
    expected = correct_frame(movie.frames[0], movie.masks[0], TILES)
    np.testing.assert_array_equal(correct_frame(movie.frames[0], labels[0], TILES), expected)
