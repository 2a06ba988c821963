"""Which of a file's times are believed, and what a user is told about them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pyama_core.io.nd2.timing import TimePlan, choose_frame_times

UNKNOWN = np.full((1, 4), np.nan)
EVEN = TimePlan((4,), (0.0,), (60_000.0,))


def held(n_fovs=1, n_frames=4):
    return np.ones((n_fovs, n_frames), dtype=bool)


def test_own_times_count_from_the_first_frame_of_any_fov():
    own = np.array([[90_000.0, 150_000, 210_000, 270_000], [30_000.0, 90_000, 150_000, 210_000]])
    times = choose_frame_times(own, held(2), EVEN)
    assert (times.source, times.warnings) == ("frames", ())
    np.testing.assert_array_equal(times.minutes, [[1, 2, 3, 4], [0, 1, 2, 3]])


@pytest.mark.parametrize(
    "own",
    [
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 180_000.0, 120_000.0, 60_000.0],
        [0.0, np.nan, np.inf, 1e300],
        [0.0, 60_000.0, 60_000.0, 0.0],
    ],
)
def test_own_times_of_which_too_few_advance_are_not_believed(own):
    times = choose_frame_times(np.array([own]), held(), EVEN)
    assert times.source == "nominal period"
    np.testing.assert_array_equal(times.minutes, [[0, 1, 2, 3]])
    said = "hold no times" if not any(own) else "repeat, go back or are missing"
    assert said in times.warnings[0].replace("holds no times", "hold no times")


def test_the_mean_period_goes_before_the_nominal_one():
    times = choose_frame_times(UNKNOWN, held(), TimePlan((4,), (90_000.0,), (60_000.0,)))
    assert times.source == "mean period"
    np.testing.assert_array_equal(times.minutes, [[0, 1.5, 3, 4.5]])


def test_phases_follow_each_other():
    plan = TimePlan((2, 3), (0.0, 0.0), (60_000.0, 300_000.0))
    times = choose_frame_times(np.full((1, 5), np.nan), held(n_frames=5), plan)
    np.testing.assert_array_equal(times.minutes, [[0, 1, 2, 7, 12]])


def test_a_phase_without_period_leaves_only_the_index():
    plan = TimePlan((2, 3), (0.0, 0.0), (60_000.0, 0.0))
    times = choose_frame_times(np.full((1, 5), np.nan), held(n_frames=5), plan)
    assert times.source == "frame index"
    assert times.minutes.tolist() == [[0, 1, 2, 3, 4]]
    assert "not minutes" in times.warnings[0]


def test_a_single_frame_needs_no_warning():
    times = choose_frame_times(np.full((1, 1), np.nan), held(n_frames=1), TimePlan())
    assert times.minutes.tolist() == [[0.0]]
    assert times.warnings == ()


@pytest.mark.parametrize(("late_s", "warned"), [(5, False), (7, True)])
def test_jitter_over_a_tenth_is_warned_of(late_s, warned):
    own = np.array([[0.0, 60_000, 120_000 + late_s * 1000, 180_000 + late_s * 1000]])
    times = choose_frame_times(own, held(), EVEN)
    assert any("not evenly spaced" in warning for warning in times.warnings) is warned


def test_phases_of_different_period_are_no_jitter():
    plan = TimePlan((3, 2), (0.0, 0.0), (60_000.0, 300_000.0))
    own = np.array([[0.0, 60_000, 120_000, 180_000, 480_000]])
    assert choose_frame_times(own, held(n_frames=5), plan).warnings == ()


def test_a_period_that_was_not_kept_is_warned_of():
    own = np.array([[0.0, 90_000, 180_000, 270_000]])
    (warning,) = choose_frame_times(own, held(), EVEN).warnings
    assert "advance by 90 s a frame, the file's nominal period is 60 s" in warning


def test_fovs_that_hold_nothing_are_dated_like_the_others():
    own = np.array([[0.0, 60_000, 120_000, 180_000], [0.0, 0, 0, 0]])
    present = np.array([[True] * 4, [False] * 4])
    times = choose_frame_times(own, present, EVEN)
    np.testing.assert_array_equal(times.minutes, [[0, 1, 2, 3]] * 2)


def test_times_a_missing_frame_does_have_are_kept():
    own = np.array([[0.0, 61_000, 120_000, 180_000]])
    present = np.array([[True, False, True, True]])
    times = choose_frame_times(own, present, EVEN)
    np.testing.assert_allclose(times.minutes * 60_000, own)


MILLISECONDS = st.one_of(
    st.integers(-(10**9), 10**9).map(float), st.sampled_from([np.nan, np.inf, -np.inf, 1e308])
)


@given(
    own=st.one_of(
        arrays(np.float64, (2, 5), elements=MILLISECONDS),
        arrays(np.float64, (2, 5), elements=MILLISECONDS).map(lambda own: np.sort(own, axis=1)),
    ),
    present=arrays(np.bool_, (2, 5)),
    period=st.sampled_from([0.0, 1000.0]),
)
def test_times_always_advance_from_zero(own, present, period):
    times = choose_frame_times(own, present, TimePlan((5,), (period,), (period,)))
    assert np.isfinite(times.minutes).all()
    assert (np.diff(times.minutes, axis=1) > 0).all()
    assert times.minutes[:, 0].min() == 0
