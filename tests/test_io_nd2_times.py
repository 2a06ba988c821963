"""When frames of ND2 files were taken: by the list of times, by stamps, by the loop."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pyama_core.io import open_microscopy
from pyama_core.io.nd2.writer import TimePhase
from tests.reference.nd2_files import layout, random_frames, write_frames

pytestmark = pytest.mark.usefixtures("no_leaked_files")


def test_missing_frames_keep_the_times_of_the_others(tmp_path):
    loops = layout(n_frames=5)
    times_ms = np.array([500.0, 60_500.0, 0.0, 180_500.0, np.nan])
    path = write_frames(
        tmp_path / "movie.nd2",
        random_frames(loops),
        loops,
        frame_times_ms=times_ms,
        missing=((0, 2, 0), (0, 4, 0)),
    )
    with open_microscopy(path) as file:
        assert file.metadata.time_source == "frames"
        np.testing.assert_allclose(file.metadata.times_of(0), [0, 1, 2, 3, 4])


@pytest.mark.parametrize(
    ("phase", "source", "minutes"),
    [
        (TimePhase(3, 60_000.0, 90_000.0), "mean period", [0, 1.5, 3]),
        (TimePhase(3, 60_000.0), "nominal period", [0, 1, 2]),
        (TimePhase(3), "frame index", [0, 1, 2]),
    ],
)
def test_without_times_of_their_own_frames_are_dated_by_the_loop(tmp_path, phase, source, minutes):
    loops = layout(n_fovs=2, phases=(phase,))
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)
    with open_microscopy(path) as file:
        assert file.metadata.time_source == source
        np.testing.assert_allclose(file.metadata.frame_times_min, [minutes] * 2)
        assert len(file.metadata.warnings) == 1


def without_times_list(path):
    """Rename the list of times, as in files that have none."""
    content = path.read_bytes()
    path.write_bytes(content.replace(b"AcqTimesCache!", b"SomethingElse!"))
    return path


@pytest.mark.parametrize("name", ["t4p3c2_u16", "p3t4c2_u16", "t2p2z3c2_lossless", "missing"])
def test_without_a_list_of_times_the_frames_stamps_are_taken(shared_data, tmp_path, name):
    path = shared_data / "nd2" / f"synthetic_{name}.nd2"
    copy = without_times_list(Path(shutil.copyfile(path, tmp_path / "copy.nd2")))
    with open_microscopy(path) as file, open_microscopy(copy) as other:
        assert other.metadata.time_source == "frames"
        np.testing.assert_allclose(other.metadata.frame_times_min, file.metadata.frame_times_min)


def test_stamps_of_damaged_frames_are_not_taken(tmp_path):
    loops = layout(phases=(TimePhase(3, 60_000.0),))
    path = tmp_path / "movie.nd2"
    write_frames(path, random_frames(loops), loops, frame_times_ms=np.array([0.0, 61e3, 120e3]))
    content = bytearray(without_times_list(path).read_bytes())
    start = content.index(b"ImageDataSeq|1!")
    content[start - 16 : start] = bytes(16)
    path.write_bytes(content)
    with open_microscopy(path) as file:
        np.testing.assert_allclose(file.metadata.times_of(0), [0, 1, 2])
        assert "not used (FOV 0: frame 1)" in file.metadata.warnings[0]


def test_positions_one_after_the_other_share_one_clock(tmp_path):
    loops = layout(n_fovs=2, n_frames=2, order="PTZ")
    times_ms = np.array([[5_000.0, 65_000.0], [125_000.0, 185_000.0]])
    path = write_frames(
        tmp_path / "movie.nd2", random_frames(loops), loops, frame_times_ms=times_ms
    )
    with open_microscopy(path) as file:
        np.testing.assert_allclose(file.metadata.frame_times_min, [[0, 1], [2, 3]])
