"""Frames unlike the others must not bend the gain: they are left out of it, and named."""

import re

import numpy as np
import pytest
from benchmarks.accuracy.background import Case, t98g_cases
from scipy import ndimage

from pyama_core.processing.correction import CorrectionParams, estimate_background
from pyama_core.processing.correction.medians import median_of_known
from pyama_core.processing.correction.stack import ranges
from tests.movies import make_movie

DARK = 100.0


def bleaching(n_frames=12):
    return 400 * np.exp(-np.arange(n_frames) / 25)


def dark(frame):
    return np.random.default_rng(0).normal(DARK, 3, frame.shape)


def half(frame):
    rows = np.arange(len(frame))[:, None]
    return np.where(rows < len(frame) // 2, dark(frame), frame)


OUTLYING = {
    "flash of 50": lambda frame: frame + 50,
    "flash of 200": lambda frame: frame + 200,
    "100 too low": lambda frame: frame - 100.0,
    "saturated": lambda frame: np.full_like(frame, 65535),
    "saturated at 12 bits": lambda frame: np.full_like(frame, 4095),
    "without light or offset": np.ones_like,
    "half dark": half,
    "half empty": lambda frame: np.where(np.arange(frame.shape[1]) < 150, 0, frame),
    "gradient": lambda frame: frame + np.linspace(0, 80, frame.shape[1]),
}


def with_outliers(movie, at, make):
    frames = movie.frames.astype(float)
    for t in at:
        frames[t] = make(frames[t])
    return np.clip(np.rint(frames), 0, 65535).astype(np.uint16)


def background_of(movie, at=(), make=None, **params):
    return estimate_background(
        with_outliers(movie, at, make), movie.masks, CorrectionParams(**params)
    )


def named(background):
    """Return the frames that a message says are left out."""
    found = [re.match(r"Frames? (.+) (?:is|are) left out", note) for note in background.notes]
    frames = []
    for start, end in re.findall(r"(\d+)(?:-(\d+))?", " ".join(m[1] for m in found if m)):
        frames += range(int(start), int(end or start) + 1)
    return frames


def gain_error(background, movie):
    """Return the root mean square over the field."""
    return np.sqrt(np.mean((background.gain_image() / movie.illumination - 1) ** 2))


def stated(background):
    return float(re.search(r"gain known to ([\d.]+) %", background.reason)[1]) / 100


@pytest.mark.parametrize("kind", OUTLYING)
@pytest.mark.parametrize("at", [5, 0, 11])
def test_one_outlying_frame_changes_no_gain_and_is_named(kind, at):
    movie = make_movie(bleaching())
    background = background_of(movie, [at], OUTLYING[kind])
    assert background.method == "regression_gain"
    assert named(background) == [at]
    assert gain_error(background, movie) < 0.002
    assert stated(background) == pytest.approx(stated(background_of(movie)), rel=0.3)
    assert background.camera_offset == pytest.approx(DARK, abs=6)


@pytest.mark.parametrize("kind", OUTLYING)
@pytest.mark.parametrize("at", [[1, 5, 8], [4, 5, 6], [0, 1, 2], [9, 10, 11]])
def test_a_quarter_of_the_frames_may_be_outlying(kind, at):
    movie = make_movie(bleaching())
    background = background_of(movie, at, OUTLYING[kind])
    assert named(background) == at
    assert gain_error(background, movie) < 0.003


def test_flashes_of_different_strength_are_all_found():
    movie, strengths = make_movie(bleaching(20)), iter([50, 200, -60, 120, 30])
    at = [1, 5, 8, 12, 17]
    background = background_of(movie, at, lambda frame: frame + next(strengths))
    assert set(at) - {17} <= set(named(background)) <= set(at)
    assert gain_error(background, movie) < 0.002


@pytest.mark.parametrize("kind", OUTLYING)
@pytest.mark.parametrize(("n_frames", "at"), [(4, 2), (5, 2), (5, 0), (5, 4), (8, 3)])
def test_one_of_few_frames_may_be_outlying(kind, n_frames, at):
    movie = make_movie(400 * np.exp(-np.arange(n_frames) / 10))
    background = background_of(movie, [at], OUTLYING[kind])
    assert named(background) == [at]
    assert gain_error(background, movie) < 0.005


@pytest.mark.parametrize("kind", OUTLYING)
@pytest.mark.parametrize("at", [[5], [0], [11], [1, 5, 8], [4, 5, 6]])
@pytest.mark.parametrize("drift", [0.0, 0.5], ids=["steady", "barely drifting"])
def test_outlying_frames_are_not_taken_for_a_drift(kind, at, drift):
    movie = make_movie(400 - drift * np.arange(12))
    plain = background_of(movie, camera_offset=DARK)
    background = background_of(movie, at, OUTLYING[kind], camera_offset=DARK)
    assert background.method == plain.method == "median_gain"
    assert named(background) == at
    assert gain_error(background, movie) < gain_error(plain, movie) + 0.001


@pytest.mark.parametrize("kind", ["flash of 50", "flash of 200", "saturated", "half dark"])
def test_flashes_over_no_background_light_give_no_gain(kind):
    movie = make_movie(np.zeros(12))
    assert background_of(movie, [5], OUTLYING[kind]).method == "tiles"


@pytest.mark.parametrize("medium", [bleaching(), np.full(12, 400.0)], ids=["bleaching", "steady"])
@pytest.mark.parametrize("kind", ["flash of 50", "flash of 200", "gradient"])
def test_cells_come_out_right_in_the_outlying_frame_too(medium, kind):
    movie = make_movie(medium)
    frames = with_outliers(movie, [5], OUTLYING[kind])
    params = CorrectionParams(camera_offset=DARK)
    corrected = estimate_background(frames, movie.masks, params).correct(frames[5], 5)
    labels, n = ndimage.label(movie.masks[5])
    light = ndimage.mean(corrected, labels, range(1, n + 1))
    assert light.mean() == pytest.approx(300, rel=0.005)
    assert light.std() < 3
    assert abs(np.median(corrected[~movie.masks[5]])) < 0.5


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "medium", [bleaching(), 400 * np.exp(-np.arange(6) / 8), 400 - 4.0 * np.arange(12)]
)
@pytest.mark.parametrize("at", [[], [3]])
def test_the_stated_precision_covers_the_truth(seed, medium, at):
    movie = make_movie(medium, shape=(260, 300), seed=seed)
    background = background_of(movie, at, OUTLYING["flash of 50"])
    assert gain_error(background, movie) < 2 * stated(background)


def test_frames_that_disagree_make_the_gain_less_certain():
    movie = make_movie(bleaching())
    stray = np.random.default_rng(3).integers(0, 40, 12).astype(np.uint16)
    background = estimate_background(
        movie.frames + stray[:, None, None], movie.masks, CorrectionParams()
    )
    assert gain_error(background, movie) > 2 * gain_error(background_of(movie), movie)
    assert gain_error(background, movie) < 2 * stated(background)


@pytest.mark.parametrize("n_changed", [3, 4, 10])
def test_a_change_of_medium_tells_the_gain_and_is_not_outlying(n_changed):
    movie = make_movie(np.where(np.arange(20) < n_changed, 500, 300))
    background = background_of(movie)
    assert background.method == "regression_gain"
    assert not background.notes
    assert gain_error(background, movie) < 0.002


@pytest.mark.parametrize("tau", [1.5, 25])
def test_a_background_that_bleaches_fast_is_not_outlying(tau):
    movie = make_movie(300 + 200 * np.exp(-np.arange(20) / tau))
    background = background_of(movie)
    assert (background.method, background.notes) == ("regression_gain", [])


def test_one_frame_alone_does_not_tell_the_gain():
    movie = make_movie(np.where(np.arange(20) < 1, 500, 300))
    background = background_of(movie)
    assert background.method == "median_gain"
    assert named(background) == [0]


def test_dark_frames_are_named_even_where_they_agree_with_the_gain():
    movie = make_movie(bleaching(20))
    background = background_of(movie, [5, 6, 7], dark)
    assert len(background.notes) == 1
    assert background.notes[0].startswith("Frames 5-7 are dark: the background is at 100.1 counts")
    assert gain_error(background, movie) < 0.002


def test_a_background_that_bleaches_away_is_not_called_dark():
    assert not background_of(make_movie(400 * np.exp(-np.arange(30) / 5))).notes


def test_a_regression_needs_frames_that_can_disagree():
    background = background_of(make_movie(bleaching(3)))
    assert background.method == "median_gain"
    assert "a regression needs 4 frames" in background.reason


def test_one_saturated_frame_of_three_is_left_out():
    movie = make_movie(bleaching(3))
    background = background_of(movie, [1], OUTLYING["saturated"], camera_offset=DARK)
    assert named(background) == [1]
    assert gain_error(background, movie) < 0.005


def test_a_gain_from_a_steady_background_is_said_to_depend_on_the_camera():
    movie = make_movie(np.full(12, 400.0))
    assert "where the camera reads 0 without light" in background_of(movie).reason
    assert "without light" not in background_of(movie, camera_offset=DARK).reason


def test_missing_frames_are_neither_outlying_nor_learned_from():
    movie = make_movie(bleaching())
    frames = with_outliers(movie, [2, 7], np.zeros_like)
    params = CorrectionParams()
    background = estimate_background(frames, movie.masks, params, missing=[2, 7])
    assert not background.notes
    assert gain_error(background, movie) < 0.002


@pytest.mark.parametrize("kind", ["flash of 50", "flash of 200", "half dark", "saturated"])
@pytest.mark.parametrize("at", [[0], [5], [1, 5, 9]])
def test_equal_cells_of_the_real_movie_stay_equal(shared_data, kind, at):
    for case in t98g_cases(shared_data / "nd2"):
        third = slice(0, None, 3)
        ids = case.ids[third]
        truth = case.truth[third, : ids.max() + 1]
        movie = Case(case.name, case.frames[third], case.masks[third], ids, truth)
        plain = estimate_background(movie.frames, movie.masks, CorrectionParams())
        frames = with_outliers(movie, at, OUTLYING[kind])
        background = estimate_background(frames, movie.masks, CorrectionParams())
        assert set(at) <= set(named(background))
        rest = [t for t in range(len(frames)) if t not in at]
        before = spread(movie, movie.frames, plain, rest)
        assert spread(movie, frames, background, rest) < before + 0.001


def spread(movie, frames, background, rest):
    """Variation over cells of their estimate over their truth, in the frames that are good."""
    n = movie.truth.shape[1]
    estimate = sum(
        np.bincount(movie.ids[t].ravel(), background.correct(frames[t], t).ravel(), n) for t in rest
    )
    truth = movie.truth[rest].sum(axis=0)
    bright = truth > 0.05 * np.median(truth[truth > 0])
    ratio = estimate[bright] / truth[bright]
    return ratio.std() / ratio.mean()


@pytest.mark.parametrize(
    ("frames", "text"), [([], ""), ([3], "3"), ([0, 1, 2, 7], "0-2, 7"), ([0, 2, 3], "0, 2-3")]
)
def test_frames_are_written_as_ranges(frames, text):
    chosen = np.zeros(8, bool)
    chosen[frames] = True
    assert ranges(chosen) == text


def test_the_median_of_known_values_is_that_without_nan():
    values = np.random.default_rng(0).normal(size=(50, 7))
    values[np.random.default_rng(1).random((50, 7)) < 0.4] = np.nan
    values[0] = np.nan
    expected = [
        np.median(row[~np.isnan(row)]) if (~np.isnan(row)).any() else np.nan for row in values
    ]
    np.testing.assert_allclose(median_of_known(values), expected)


@pytest.mark.parametrize("at", [[5], [1, 2, 4, 5, 7, 8, 10, 11]])
def test_frames_that_were_not_recorded_are_no_outliers_and_teach_nothing(at):
    movie = make_movie(bleaching())
    background = background_of(movie, at, np.zeros_like)
    expected = estimate_background(movie.frames, movie.masks, CorrectionParams(), missing=at)
    assert background.method == expected.method == "regression_gain"
    assert named(background) == []
    np.testing.assert_array_equal(background.gain, expected.gain)
    np.testing.assert_array_equal(background.surfaces, expected.surfaces)
    assert gain_error(background, movie) < 0.003
