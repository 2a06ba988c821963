"""Times that cannot be true are taken from the neighboring frames; all others stay."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyama_core.io import open_microscopy
from pyama_core.io.nd2.timing import TimePlan, choose_frame_times, mend_times
from tests.reference.nd2_files import layout, random_frames, write_frames

MIN = 60_000.0


def mended(*rows, held=None):
    own = np.array(rows) * MIN
    return mend_times(own, np.ones(own.shape, bool) if held is None else np.array(held))


@pytest.mark.parametrize(
    ("minutes", "frames"),
    [
        ([0, 1, 1, 3, 4], (2,)),
        ([0, 2, 2, 3, 4], (1,)),
        ([1, 1, 2, 3, 4], (0,)),
        ([0, 1, 2, 3, 3], (4,)),
        ([0, 2, 1, 3, 4], (1, 2)),
        ([0, 1, 0, 3, 4], (2,)),
        ([9, 1, 2, 3, 4], (0,)),
        ([0, 1, 2, 3, -7], (4,)),
        ([0, 1, 50, 3, 4], (2,)),
        ([0, 1, np.nan, 3, 4], (2,)),
        ([0, 1, 2, 3, np.inf], (4,)),
        ([0, 1, 2, 3, 1e300], (4,)),
        ([0, 1, 2, 3, 1e6], (4,)),
        ([-1e7, 1, 2, 3, 4], (0,)),
        ([0, 1, 1, 1, 4, 5, 6], (2, 3)),
    ],
)
def test_one_false_time_is_mended_and_the_others_stay(minutes, frames):
    result = mended(minutes)
    assert result.mended == {0: frames}
    np.testing.assert_allclose(result.ms, [np.arange(len(minutes)) * MIN])


def test_uneven_intervals_are_kept_beside_a_false_time():
    result = mended([0, 1, 2, 12, 12, 32])
    np.testing.assert_allclose(result.ms / MIN, [[0, 1, 2, 12, 22, 32]])


def test_fovs_are_mended_one_by_one():
    rows = ([0, 1, 1, 3], [0.1, 1.1, 2.1, 3.1], [0.2, 0.2, 0.2, 0.2])
    result = mended(*rows)
    assert result.mended == {0: (2,), 2: (0, 1, 2, 3)}
    np.testing.assert_allclose(result.ms[:2] / MIN, [[0, 1, 2, 3], rows[1]])
    np.testing.assert_allclose(result.ms[2], result.ms[0])


def test_frames_that_the_file_does_not_hold_are_not_called_mended():
    result = mended([0, 1, 0, 0, 0], held=[[True, True, False, False, False]])
    assert result.mended == {}
    np.testing.assert_allclose(result.ms / MIN, [[0, 1, 2, 3, 4]])


def test_a_pause_over_night_is_no_false_time():
    minutes = [0, 1, 2, 3, 900, 901]
    assert mended(minutes).mended == {}
    np.testing.assert_allclose(mended(minutes).ms / MIN, [minutes])


def test_a_clock_set_back_halfway_is_not_believed():
    assert mended([100, 101, 102, 40, 41, 42]) is None


TIMES = st.one_of(st.integers(0, 20).map(float), st.sampled_from([np.nan, np.inf, -1e300, 1e14]))


@given(st.lists(st.lists(TIMES, min_size=6, max_size=6), min_size=1, max_size=3), st.data())
def test_mended_times_advance_and_keep_most_of_what_was_there(rows, data):
    held = np.array(data.draw(st.lists(st.booleans(), min_size=6, max_size=6)))
    own = np.array(rows)
    result = mend_times(own, np.broadcast_to(held, own.shape))
    if result is not None:
        assert (np.diff(result.ms, axis=1) > 0).all()
        np.testing.assert_array_equal(result.ms[result.trusted], own[result.trusted])


def test_the_warning_names_the_frames_and_calls_the_times_the_files_own():
    own = np.array([[0, 1, 1, 3, 4, 5], [0, 1, 2, 3, 4, 5]]) * MIN
    times = choose_frame_times(own, np.ones(own.shape, bool), TimePlan((6,), (0.0,), (0.0,)))
    assert times.source == "frames"
    (warning,) = times.warnings
    assert "are not used (FOV 0: frame 2); they are interpolated" in warning


def test_one_repeated_time_costs_no_other_time(tmp_path):
    loops = layout(n_fovs=2, n_frames=8)
    times_ms = np.array([np.arange(8), np.arange(8) + 0.2]) * MIN
    times_ms[1, 5] = times_ms[1, 4]
    path = write_frames(
        tmp_path / "movie.nd2", random_frames(loops), loops, frame_times_ms=times_ms
    )
    with open_microscopy(path) as file:
        metadata = file.metadata
    assert metadata.time_source == "frames"
    np.testing.assert_allclose(metadata.times_of(1), np.arange(8) + 0.2)
    assert "FOV 1: frame 5" in metadata.warnings[0]


def test_times_that_the_files_list_lacks_are_those_of_the_frames(tmp_path):
    loops = layout(n_frames=6)
    times_ms = np.array([0, 1, 2, 5, 7, 11]) * MIN
    path = write_frames(
        tmp_path / "movie.nd2", random_frames(loops), loops, frame_times_ms=times_ms
    )
    content = path.read_bytes()
    name = b"CustomData|AcqTimesCache!"
    at = content.index(name) - 8
    path.write_bytes(content[:at] + (3 * 8).to_bytes(8, "little") + content[at + 8 :])
    with open_microscopy(path) as file:
        np.testing.assert_allclose(file.metadata.times_of(0) * MIN, times_ms)
