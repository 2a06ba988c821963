"""Files whose loops do not account for their frames: time points where that is sure, or refused."""

import shutil

import numpy as np
import pytest

from pyama_core.errors import ReadError
from pyama_core.io import open_microscopy
from pyama_core.io.nd2.writer import Position
from tests.reference.nd2_files import (
    add_chunk,
    hide_chunk,
    layout,
    random_frames,
    write_frames,
    write_number,
)

pytestmark = pytest.mark.usefixtures("no_leaked_files")

LOOPS = b"ImageMetadataLV!"


def movie(tmp_path, **loops):
    """A movie, its frames ``(n_fovs, n_frames, n_z, H, W)`` and its path."""
    frames = random_frames(layout(**loops))
    path = write_frames(tmp_path / "movie.nd2", frames, layout(**loops))
    return frames[:, :, :, 0], path


def read_all(path):
    with open_microscopy(path) as file:
        m = file.metadata
        fovs, frames, planes = range(m.n_fovs), range(m.n_frames), range(m.n_z)
        pixels = [
            [[file.read_frame(fov, 0, frame, z) for z in planes] for frame in frames]
            for fov in fovs
        ]
        return np.array(pixels), m


def test_frames_without_loops_are_time_points(tmp_path):
    frames, path = movie(tmp_path, n_frames=8)
    hide_chunk(path, LOOPS)
    read, metadata = read_all(path)
    np.testing.assert_array_equal(read, frames)
    assert "holds 8 frames, more than its loops list" in metadata.warnings[0]
    assert "8 time points of one position" in metadata.warnings[0]


def test_a_single_frame_without_loops_is_a_still(tmp_path):
    _, path = movie(tmp_path)
    hide_chunk(path, LOOPS)
    _, metadata = read_all(path)
    assert (metadata.n_frames, metadata.warnings) == (1, ())


def test_frames_lost_from_a_file_without_loops_are_missing(tmp_path):
    loops = layout(n_frames=6)
    lost = ((0, 2, 0),)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops, missing=lost)
    hide_chunk(path, LOOPS)
    with open_microscopy(path) as file:
        assert file.metadata.n_frames == 6
        assert file.metadata.missing_frames == {0: (2,)}


@pytest.mark.parametrize(
    "loops",
    [
        {"n_frames": 4, "n_fovs": 3},
        {"n_frames": 4, "n_z": 2},
        {"n_frames": 4, "n_fovs": 3, "n_z": 2, "order": "TZP"},
        {"n_frames": 4, "n_fovs": 3, "order": "PTZ"},
        {"n_frames": 1, "n_fovs": 3},
    ],
)
def test_a_time_loop_of_no_frames_gets_those_that_fit(tmp_path, loops):
    frames, path = movie(tmp_path, **loops)
    after = "ppNextLevelEx" if loops.get("order") == "PTZ" else "SLxExperiment"
    write_number(path, "uiCount", 0, "I", after=after)
    read, metadata = read_all(path)
    np.testing.assert_array_equal(read, frames)
    assert metadata.n_frames == loops["n_frames"]


@pytest.mark.parametrize("order", ["PZ", "TPZ"])
def test_a_missing_time_loop_is_the_outermost(tmp_path, order):
    frames, path = movie(tmp_path, n_frames=4, n_fovs=3)
    forget_time_loop(path, 3, order)
    read, metadata = read_all(path)
    np.testing.assert_array_equal(read, frames)
    assert "taken for 4 time points, 3 positions, nested" in metadata.warnings[0]


def forget_time_loop(path, positions, order="PZ"):
    """Let the file list its positions only."""
    still = path.parent / "positions.nd2"
    loops = layout(n_fovs=positions, order=order)
    write_frames(still, random_frames(loops), loops)
    source = still.read_bytes()
    name = LOOPS
    record = source[source.index(name) + len(name) :]
    record = record[record.index(b"\x0b") :][:4000]
    hide_chunk(path, name)
    add_chunk(path, name, record)


@pytest.mark.parametrize(("n_frames", "positions"), [(4, 5), (5, 2)])
def test_counts_that_do_not_fit_are_refused_with_both(tmp_path, n_frames, positions):
    _, path = movie(tmp_path, n_frames=n_frames, n_fovs=3)
    forget_time_loop(path, positions)
    held = n_frames * 3
    message = rf"holds {held} frames, but its loops list {positions} \({positions} positions\)"
    with pytest.raises(ReadError, match=message):
        open_microscopy(path)


@pytest.mark.parametrize("count", [2, 7])
def test_more_frames_than_a_time_loop_lists_are_refused(tmp_path, count):
    _, path = movie(tmp_path, n_frames=8)
    write_number(path, "uiCount", count, "I", after="SLxExperiment")
    with pytest.raises(ReadError, match=rf"holds 8 frames, but its loops list {count} \("):
        open_microscopy(path)


@pytest.mark.parametrize("count", [1 << 31, (1 << 32) - 1, 2_000_000])
def test_impossibly_many_frames_are_damage(tmp_path, count):
    _, path = movie(tmp_path, n_frames=8)
    write_number(path, "uiCount", count, "I", after="SLxExperiment")
    with pytest.raises(ReadError, match=rf"damaged: it lists {count} frames and holds 8"):
        open_microscopy(path)


def test_positions_left_out_or_not_described_are_never_guessed(tmp_path):
    loops = layout(n_frames=4, positions=(Position("a"), Position("b", valid=False), Position("c")))
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)
    write_number(path, "uiCount", 0, "I", after="SLxExperiment")
    with pytest.raises(ReadError, match="holds 8 frames"):
        open_microscopy(path)


@pytest.mark.parametrize(
    "places",
    [
        {b"X": [0.0, 500.0] * 4, b"Y": [0.0] * 8},
        {b"X": [0.0] * 8, b"Y": [0.0] * 4 + [300.0] * 4},
        {b"Z": [0.0, 0.5, 1.0, 1.5, 0.0, 0.5, 1.0, 1.5]},
    ],
)
def test_frames_of_several_places_are_not_taken_for_time_points(tmp_path, places):
    _, path = movie(tmp_path, n_frames=8)
    hide_chunk(path, LOOPS)
    for axis, values in places.items():
        add_chunk(path, b"CustomData|%s!" % axis, np.array(values).tobytes())
    with pytest.raises(ReadError, match=r"holds 8 frames, but its loops list 1 \(no loop\)"):
        open_microscopy(path)


def test_a_stage_that_drifts_and_a_focus_that_follows_are_one_position(tmp_path):
    frames, path = movie(tmp_path, n_frames=8)
    hide_chunk(path, LOOPS)
    rng = np.random.default_rng(0)
    for axis in (b"X", b"Y", b"Z"):
        add_chunk(path, b"CustomData|%s!" % axis, rng.normal(1000, 0.3, 8).tobytes())
    np.testing.assert_array_equal(read_all(path)[0], frames)


@pytest.mark.parametrize("name", ["synthetic_t4p3c2_u16", "synthetic_p3t4c2_u16", "pims_cluster"])
def test_real_files_of_several_positions_or_planes_are_refused(shared_data, tmp_path, name):
    path = tmp_path / "movie.nd2"
    shutil.copyfile(shared_data / "nd2" / f"{name}.nd2", path)
    hide_chunk(path, LOOPS)
    with pytest.raises(ReadError, match="not known which frame belongs to which position"):
        open_microscopy(path)


def test_real_frames_of_one_position_are_time_points(shared_data, tmp_path):
    original = shared_data / "nd2" / "arcadia_example-timelapse.nd2"
    path = tmp_path / "movie.nd2"
    shutil.copyfile(original, path)
    hide_chunk(path, LOOPS)
    read, metadata = read_all(path)
    expected, known = read_all(original)
    np.testing.assert_array_equal(read, expected)
    np.testing.assert_array_equal(metadata.frame_times_min, known.frame_times_min)


def test_frames_held_are_counted_by_position(tmp_path):
    loops = layout(n_fovs=2, n_frames=4)
    lost = ((1, 2, 0), (0, 3, 0), (1, 3, 0))
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops, missing=lost)
    with open_microscopy(path) as file:
        assert [file.metadata.n_frames_held(fov) for fov in (0, 1)] == [3, 2]
        assert "FOV 0: frame 3; FOV 1: frame 2-3" in file.metadata.warnings[0]
