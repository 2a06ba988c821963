"""Uneven illumination: what auto chooses, and how near the gain comes to the truth."""

import numpy as np
import pytest

from pyama_core.processing.correction import CorrectionParams, correct_frame, estimate_background
from pyama_core.processing.correction.medians import median_of_greatest
from tests.movies import make_movie

BLEACHING = 400 * np.exp(-np.arange(20) / 25)
STEADY = np.full(20, 400.0)


def background_of(movie, **params):
    return estimate_background(movie.frames, movie.masks, CorrectionParams(**params))


def error_of_gain(background, movie):
    return np.abs(background.gain_image() - movie.illumination).max()


@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 30])
def test_the_median_of_the_greatest_is_that_of_the_sorted(n):
    values = np.random.default_rng(n).integers(0, 9, (5, 6)).astype(float)
    expected = np.median(np.sort(values, axis=None)[30 - n :]) if n else np.nan
    np.testing.assert_equal(median_of_greatest(values, n), expected)


def test_auto_takes_the_regression_where_the_background_changes():
    background = background_of(make_movie(BLEACHING))
    assert background.method == "regression_gain"
    assert "changes by" in background.reason


def test_auto_takes_the_median_where_the_background_is_steady():
    background = background_of(make_movie(STEADY))
    assert background.method == "median_gain"
    assert "too little for a regression" in background.reason
    assert any("camera_offset" in note for note in background.notes)


@pytest.mark.parametrize("offset", [None, 100.0])
def test_auto_takes_no_gain_without_background_light(offset):
    background = background_of(make_movie(0 * STEADY), camera_offset=offset)
    assert background.method == "tiles"
    assert background.gain is None
    assert background.reason


def test_auto_takes_no_gain_from_an_even_background():
    assert background_of(make_movie(STEADY, loss=0.0)).method == "tiles"


def test_the_regression_finds_gain_background_and_camera_offset():
    movie = make_movie(BLEACHING)
    background = background_of(movie, method="regression_gain")
    assert error_of_gain(background, movie) < 0.03
    assert background.camera_offset == pytest.approx(100, abs=10)
    for t in (0, 10, 19):
        assert np.abs(background.surface(t) - movie.background[t]).max() < 3


def test_the_median_gain_is_right_once_the_camera_offset_is_known():
    movie = make_movie(STEADY)
    assert error_of_gain(background_of(movie, method="median_gain"), movie) > 0.05
    known = background_of(movie, method="median_gain", camera_offset=100)
    assert error_of_gain(known, movie) < 0.03
    assert not known.notes


@pytest.mark.parametrize("method", ["auto", "median_gain", "regression_gain"])
def test_the_gain_has_mean_one(method):
    assert background_of(make_movie(BLEACHING), method=method).gain_image().mean() == pytest.approx(
        1, abs=1e-3
    )


def test_cells_of_equal_light_come_out_equal_all_over_the_field():
    movie = make_movie(BLEACHING)
    background = background_of(movie)
    for t in (3, 15):
        corrected = background.correct(movie.frames[t], t)
        inside = corrected[movie.masks[t]] - movie.cells[t][movie.masks[t]]
        assert abs(inside.mean()) < 3
    assert abs(background.residual) < 1


def test_a_regression_without_change_leaves_the_gain_at_one_and_says_so():
    frames = np.full((5, 80, 80), 500, np.uint16)
    params = CorrectionParams(method="regression_gain")
    background = estimate_background(frames, np.zeros(frames.shape, bool), params)
    np.testing.assert_allclose(background.gain_image(), 1, atol=1e-3)
    assert "regression_gain was asked for, but" in background.notes[0]


def test_unnoticed_cells_do_not_bend_the_gain():
    movie = make_movie(BLEACHING, n_cells=8)
    movie.masks[:, 150:] = False
    assert error_of_gain(background_of(movie), movie) < 0.05


def test_a_glow_that_only_some_frames_have_is_taken_out_too():
    movie = make_movie(BLEACHING, shape=(600, 600), n_cells=6)
    glow = 40 * np.exp(-((np.arange(600) - 150) ** 2) / 2 / 120**2)
    movie.frames[8:12] += np.rint(glow).astype(np.uint16)
    corrected = background_of(movie).correct(movie.frames[9], 9)
    free = ~movie.masks[9]
    assert abs(np.median(corrected[:, 100:200][free[:, 100:200]])) < 8
    assert abs(np.median(corrected[free])) < 2


def test_bounds_for_the_choice_are_parameters():
    movie = make_movie(BLEACHING)
    assert background_of(movie, least_drift=0.9).method == "median_gain"
    assert background_of(movie, gain_precision=0.0).method == "tiles"


def test_the_preview_of_one_frame_shows_the_gain_its_own_background_gives():
    movie = make_movie([400.0])
    params = CorrectionParams(camera_offset=100)
    corrected = correct_frame(movie.frames[0], movie.masks[0], params)
    rest = corrected[~movie.masks[0]]
    assert abs(np.median(rest)) < 1
    assert corrected[movie.masks[0]].mean() == pytest.approx(300, rel=0.03)


def test_light_that_stays_while_the_rest_bleaches_is_background_and_not_gain():
    movie = make_movie(BLEACHING, shape=(384, 384))
    y, x = np.ogrid[:384, :384]
    stray = 60 * np.exp(-((y - 100) ** 2 + (x - 280) ** 2) / 2 / 60**2)
    movie.frames += np.rint(stray).astype(np.uint16)
    background = background_of(movie)
    assert error_of_gain(background, movie) < 0.12
    for t in (0, 19):
        assert np.abs(background.surface(t) - movie.background[t] - stray).max() < 15


def test_auto_takes_no_gain_from_a_background_of_zeros():
    """Background that the camera or an export clipped at 0 leaves only rounding errors."""
    frames = np.zeros((3, 31, 38), np.uint16)
    frames[:, 5:8, 5:8] = 1000
    frames[:, 22:24, 30:33] = 700
    movie_masks = np.zeros(frames.shape, bool)
    background = estimate_background(frames, movie_masks, CorrectionParams())
    assert background.method == "tiles"
    assert background.correct(frames[0], 0).max() == pytest.approx(1000, rel=1e-3)


@pytest.mark.parametrize("method", ["auto", "median_gain", "regression_gain"])
@pytest.mark.parametrize("shape", [(82, 54), (44, 60), (18, 77)])
@pytest.mark.parametrize("level", [100, 65535])
def test_frames_without_any_light_come_out_dark(method, shape, level):
    frames = np.full((2, *shape), level, np.uint16)
    params = CorrectionParams(method=method, camera_offset=level, spatial_window=40)
    background = estimate_background(frames, np.zeros(frames.shape, bool), params)
    np.testing.assert_allclose(background.correct(frames[0], 0), 0, atol=1e-2)


@pytest.mark.parametrize("method", ["median_gain", "regression_gain"])
def test_patches_larger_than_a_small_frame_carries_are_made_smaller(method):
    movie = make_movie(BLEACHING, shape=(90, 64), n_cells=1)
    background = background_of(movie, method=method, patch_size=170, camera_offset=100)
    assert error_of_gain(background, movie) < 0.05


def test_where_only_one_frame_is_seen_the_regression_leaves_the_gain_at_one():
    movie = make_movie([400.0, 400.0])
    params = CorrectionParams(method="regression_gain", camera_offset=100)
    alone = estimate_background(movie.frames[:1], movie.masks[:1], params)
    beside_missing = estimate_background(movie.frames, movie.masks, params, missing=[1])
    np.testing.assert_allclose(beside_missing.gain_image(), alone.gain_image(), atol=1e-6)
