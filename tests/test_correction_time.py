"""Backgrounds over time: smoothing, flashes, missing frames, progress."""

import numpy as np
import pytest

from pyama_core.errors import InputError
from pyama_core.processing.correction import (
    CorrectionParams,
    correct_stack,
    estimate_background,
    estimate_backgrounds,
)
from pyama_core.processing.correction.tiles import smooth_over_time
from tests.movies import make_movie

METHODS = ("auto", "tiles", "median_gain", "regression_gain")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("window", [3, 5, 9])
def test_a_flash_keeps_its_own_background_and_does_not_leak(method, window):
    medium = np.full(11, 300.0)
    medium[5] = 900
    movie = make_movie(medium)
    params = CorrectionParams(method=method, temporal_window=window)
    smoothed = estimate_background(movie.frames, movie.masks, params)
    alone = estimate_background(movie.frames, movie.masks, CorrectionParams(method=method))
    np.testing.assert_allclose(smoothed.surface(5), alone.surface(5), atol=1)
    for t in (4, 6):
        assert np.median(np.abs(smoothed.surface(t) - alone.surface(t))) < 4


def test_smoothing_takes_the_median_of_the_shape_and_keeps_the_level():
    rng = np.random.default_rng(0)
    shape = rng.normal(0, 20, (4, 5))
    levels = 100 + 3 * np.arange(15)
    surfaces = levels[:, None, None] + shape + rng.normal(0, 1, (15, 4, 5))
    smoothed = smooth_over_time(surfaces, 5)
    truth = levels[:, None, None] + shape
    assert np.std(smoothed - truth) < 0.8 * np.std(surfaces - truth)
    np.testing.assert_allclose(smoothed.mean(axis=(1, 2)), truth.mean(axis=(1, 2)), atol=1)


def test_a_window_of_one_frame_changes_nothing():
    surfaces = np.random.default_rng(0).normal(size=(4, 3, 3))
    np.testing.assert_array_equal(smooth_over_time(surfaces, 1), surfaces)


def test_missing_frames_are_neither_smoothed_nor_counted():
    surfaces = np.broadcast_to(np.arange(7.0)[:, None, None], (7, 2, 2)).copy()
    surfaces[3] = np.nan
    smoothed = smooth_over_time(surfaces, 3)
    assert np.isnan(smoothed[3]).all()
    np.testing.assert_array_equal(smoothed[[0, 1, 2, 4, 5, 6]], surfaces[[0, 1, 2, 4, 5, 6]])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("window", [1, 3])
def test_missing_frames_are_nan_and_teach_nothing(method, window):
    movie = make_movie(np.linspace(300, 400, 6))
    params = CorrectionParams(method=method, temporal_window=window)
    spoiled = movie.frames.copy()
    spoiled[2] = 0
    spoiled[5] = 60000
    missing = {2, 5}
    corrected = list(correct_stack(spoiled, movie.masks, params, missing=missing))
    expected = list(correct_stack(movie.frames, movie.masks, params, missing=missing))
    for t, (one, other) in enumerate(zip(corrected, expected, strict=True)):
        np.testing.assert_array_equal(one, other)
        assert np.isnan(one).all() == (t in missing)


def test_a_movie_of_missing_frames_is_nan():
    frames = np.zeros((2, 40, 40), np.uint16)
    masks = np.zeros(frames.shape, bool)
    for corrected in correct_stack(frames, masks, CorrectionParams(), missing=range(2)):
        assert np.isnan(corrected).all()


def test_an_even_window_is_refused():
    with pytest.raises(ValueError, match="temporal_window is 4"):
        CorrectionParams(temporal_window=4)


def test_progress_is_told_once_a_frame_and_may_cancel():
    movie = make_movie([300.0] * 4)
    seen = []

    def stop_at_two(message, frame):
        seen.append(frame)
        if frame == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        estimate_background(movie.frames, movie.masks, CorrectionParams(), tick=stop_at_two)
    assert seen == [0, 1, 2]


def test_several_channels_at_once_come_out_as_one_by_one():
    first, second = make_movie([300.0] * 3), make_movie([100.0, 200.0, 300.0], seed=1)
    channels = {1: first.frames, 4: second.frames}
    together = estimate_backgrounds(channels, first.masks, CorrectionParams())
    for key, frames in channels.items():
        alone = estimate_background(frames, first.masks, CorrectionParams())
        for name, array in alone.arrays().items():
            np.testing.assert_array_equal(together[key].arrays()[name], array)


def test_frames_and_masks_of_different_shape_are_refused():
    frames = np.zeros((3, 40, 40), np.uint16)
    with pytest.raises(InputError, match=r"\(3, 40, 40\).*\(3, 40, 41\)"):
        estimate_background(frames, np.zeros((3, 40, 41), bool), CorrectionParams())
