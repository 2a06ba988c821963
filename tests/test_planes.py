"""Planes that were not recorded: how they are known, named, projected, and what becomes of them."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyama_core.fov_ranges import parse_fovs
from pyama_core.io import ArraySource, open_microscopy, read_projected
from pyama_core.io.projection import project
from pyama_core.planes import is_recorded, listed_frames, nothing_recorded
from tests.reference.nd2_files import layout, write_frames


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int64", "bool", "float32"])
def test_a_plane_without_data_is_known_from_one_with_a_single_value(dtype):
    plane = nothing_recorded((9, 7), dtype)
    assert not is_recorded(plane)
    plane[6, 3] = 1
    assert is_recorded(plane)


def test_darkness_in_floats_is_a_value_and_negative_numbers_are_too():
    assert is_recorded(np.zeros((4, 4), np.float32))
    assert is_recorded(-np.eye(4, dtype=np.int16)[::-1])


@given(st.integers(1, 60), st.data())
def test_frames_are_listed_so_that_they_can_be_told_from_the_others(n_frames, data):
    missing = data.draw(st.sets(st.integers(0, n_frames - 1), min_size=1))
    text = listed_frames(missing, n_frames)
    if "..." in text:
        assert len(text) < 80
        return
    _, others, numbers = text.rpartition("every frame but ")
    listed = set(range(n_frames)) if text == "all frames" else _parsed(numbers)
    assert missing == (set(range(n_frames)) - listed if others else listed)


def _parsed(text):
    return set(parse_fovs(re.sub("frames? ", "", text), None))


def test_a_series_of_frames_is_written_by_its_beginning_and_end():
    missing = set(range(200)) - set(range(0, 200, 3))
    assert listed_frames(missing, 200) == "every frame but 0, 3, 6, ..., 198"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("rule", ["max", "mean"])
def test_a_projection_is_over_the_planes_that_were_recorded(dtype, rule):
    stack = np.random.default_rng(0).integers(1, 200, (5, 2, 8, 9)).astype(dtype)
    stack[[0, 3], 0] = nothing_recorded((8, 9), dtype)
    stack[:, 1] = nothing_recorded((8, 9), dtype)
    projected = project(ArraySource(stack, "ZCYX"), 0, 0, [0, 1], rule)
    recorded = stack[[1, 2, 4], 0].astype(float)
    expected = recorded.max(axis=0) if rule == "max" else recorded.mean(axis=0)
    tolerance = 1e-6 if dtype == "float32" else 0.5
    np.testing.assert_allclose(projected.planes[0], expected, atol=tolerance)
    assert not is_recorded(projected.planes[1])
    assert projected.n_recorded.tolist() == [3, 0]
    assert projected.planes.dtype == dtype


def test_integers_that_are_read_as_floats_keep_what_was_not_recorded():
    frames = np.zeros((3, 8, 9), np.int32)
    frames[1] = 70_000
    source = ArraySource(frames)
    assert [is_recorded(source.read_frame(0, 0, t)) for t in range(3)] == [False, True, False]
    dark = ArraySource(frames.astype(float))
    assert is_recorded(dark.read_frame(0, 0, 0))


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_what_a_file_does_not_hold_reads_as_not_recorded(tmp_path, dtype):
    loops = layout(n_frames=3, n_z=2)
    frames = np.full((1, 3, 2, 1, 16, 16), 7, dtype)
    missing = ((0, 1, 0), (0, 2, 0), (0, 2, 1))
    path = write_frames(tmp_path / "movie.nd2", frames, loops, missing=missing)
    with open_microscopy(path) as file:
        assert [is_recorded(file.read_frame(0, 0, t, 0)) for t in range(3)] == [True, False, False]
        assert file.metadata.missing_frames == {0: (2,)}
        np.testing.assert_array_equal(read_projected(file, 0, 1, [0], "mean")[0], 7)
