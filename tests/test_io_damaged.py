"""Damaged files end in one clear sentence, whatever the damage."""

import re
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyama_core.errors import ReadError
from pyama_core.io import open_microscopy
from tests.reference.nd2_damage import damaged
from tests.reference.nd2_files import layout, random_frames, write_frames

pytestmark = pytest.mark.usefixtures("no_leaked_files")

SMALL = ("synthetic_t2p2z3c2_lossless", "synthetic_t4p3c2_u16", "synthetic_legacy_jp2_t3p2c2")


def use(path):
    """Open a file and read from all ends of it."""
    with open_microscopy(path) as file:
        metadata = file.metadata
        file.read_channels(0, 0, range(metadata.n_channels))
        file.read_frame(metadata.n_fovs - 1, 0, metadata.n_frames - 1, metadata.n_z - 1)
        file.identity()


@pytest.mark.parametrize("name", [*SMALL, "pims_cluster", "arcadia_example-timelapse"])
@pytest.mark.parametrize("share", [0.00005, 0.1, 0.5, 0.9, 0.9999])
def test_truncated_files_are_refused(shared_data, tmp_path, capsys, name, share):
    content = (shared_data / "nd2" / f"{name}.nd2").read_bytes()
    path = tmp_path / "cut.nd2"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ReadError, match=r"cut\.nd2 is (an )?(incomplete|empty|not an ND2)"):
        open_microscopy(path)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "odd.nd2 is empty; copy it again"),
        (b"frame,cell\n0,1\n", "odd.nd2 is not an ND2 file"),
        (b"II*\0" + bytes(5000), "odd.nd2 is not an ND2 file"),
        (struct.pack("<I", 0x0ABECEDA), "odd.nd2 is incomplete"),
        (struct.pack("<I", 0x0C000000), "odd.nd2 is an incomplete legacy"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "odd.nd2"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=message):
        open_microscopy(path)


def test_a_folder_is_refused(tmp_path):
    folder = tmp_path / "movie.nd2"
    folder.mkdir()
    with pytest.raises(ReadError, match="cannot be opened as a file"):
        open_microscopy(folder)


def test_no_file_and_other_kinds_of_file_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="check the path"):
        open_microscopy(tmp_path / "gone.nd2")
    (tmp_path / "movie.tif").touch()
    with pytest.raises(ReadError, match=r"movie\.tif is not a file this library reads"):
        open_microscopy(tmp_path / "movie.tif")


@pytest.mark.parametrize("compress", [False, True])
def test_a_damaged_frame_is_named_and_the_others_are_read(tmp_path, compress):
    loops = layout(n_frames=3, compress=compress)
    frames = random_frames(loops)
    path = write_frames(tmp_path / "movie.nd2", frames, loops)
    content = bytearray(path.read_bytes())
    start = content.index(b"ImageDataSeq|1!")
    content[start - 16 : start + 6000] = bytes(6016)
    path.write_bytes(content)
    with open_microscopy(path) as file:
        np.testing.assert_array_equal(file.read_frame(0, 0, 0), frames[0, 0, 0, 0])
        with pytest.raises(ReadError, match=r"Frame 1 of movie\.nd2 is damaged"):
            file.read_frame(0, 0, 1)


def test_a_map_of_impossible_sizes_is_refused(tmp_path):
    """Sizes that no file can have, as where the end of a file was overwritten."""
    loops = layout(n_frames=3)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)
    content = bytearray(path.read_bytes())
    name = b"ImageDataSeq|2!"
    entry = content.rindex(name) + len(name)
    content[entry : entry + 16] = b"\xff" * 16
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"movie\.nd2 is incomplete"):
        open_microscopy(path)


def test_a_channel_of_countless_components_is_refused_at_once(tmp_path):
    """The nd2 library makes lists of as many entries."""
    loops = layout(n_frames=2)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)
    content = bytearray(path.read_bytes())
    name = "uiCompCount\0".encode("utf-16-le")
    end = content.rindex(name) + len(name)
    content[end : end + 4] = b"\xff" * 4
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"metadata of movie\.nd2 cannot be read"):
        open_microscopy(path)


def test_frames_beyond_the_end_of_the_file_are_missing(tmp_path):
    """A map that survived a cut, as rescue tools make it, lists frames that are not there."""
    loops = layout(n_frames=3)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)
    content = bytearray(path.read_bytes())
    name = b"ImageDataSeq|2!"
    entry = content.rindex(name) + len(name)
    content[entry : entry + 8] = struct.pack("<Q", 1 << 40)
    path.write_bytes(content)
    with open_microscopy(path) as file:
        assert file.metadata.missing_frames == {0: (2,)}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_damage_never_ends_in_another_error(shared_data, tmp_path_factory, data):
    name = data.draw(st.sampled_from(SMALL))
    content = bytearray((shared_data / "nd2" / f"{name}.nd2").read_bytes())
    used = np.flatnonzero(np.frombuffer(content, np.uint8))
    for _ in range(data.draw(st.integers(1, 20))):
        content[used[data.draw(st.integers(0, len(used) - 1))]] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("nd2") / "odd.nd2"
    path.write_bytes(content)
    check_use(path)


def check_use(path):
    """Read a file, or be told in one sentence why not."""
    try:
        use(path)
    except ReadError as error:
        assert re.fullmatch(r"[^\n(]+ (is|cannot be|holds|has) [^\n]+\.", str(error))
        assert "Error" not in str(error)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(0, 120, 20))
@pytest.mark.parametrize("compress", [False, True])
def test_damaged_chunks_maps_and_records_end_in_one_sentence(tmp_path, seed, compress):
    loops = layout(n_fovs=2, n_frames=3, n_z=2, compress=compress)
    times_ms = np.arange(3) * 1000.0
    path = write_frames(
        tmp_path / "movie.nd2", random_frames(loops, 2), loops, frame_times_ms=times_ms
    )
    content = path.read_bytes()
    for number in range(seed, seed + 20):
        path.write_bytes(damaged(content, number))
        check_use(path)


@pytest.mark.parametrize("name", [*SMALL, "pims_cluster", "synthetic_netime", "limnd2_t4p3c2"])
def test_damaged_real_files_end_in_one_sentence(shared_data, tmp_path, name):
    content = (shared_data / "nd2" / f"{name}.nd2").read_bytes()
    path = tmp_path / "odd.nd2"
    for seed in range(25):
        path.write_bytes(damaged(content, seed))
        check_use(path)
