"""Reading ND2 files: pixels, names, scale and times as the nd2 library has them, and more."""

import pickle
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyama_core.errors import InputError, ReadError
from pyama_core.io import ChannelInfo, open_microscopy
from pyama_core.io.nd2.container import ChunkMap
from pyama_core.io.nd2.writer import DTYPES, Nd2Layout, Position, TimePhase, write_nd2
from tests.reference.nd2_files import (
    layout,
    plain_frames,
    plain_times_ms,
    random_frames,
    write_frames,
)
from tests.test_io_nd2_writer import ORDERS

pytestmark = pytest.mark.usefixtures("no_leaked_files")

RGB = ("lim_GA3_Children_node_example", "synthetic_rgb")
READABLE = (
    "arcadia_example-cerevisiae",
    "arcadia_example-multichannel",
    "arcadia_example-pbmc",
    "arcadia_example-timelapse",
    "arcadia_example-zstack",
    "lim_GA3_Sholl_Analysis_example",
    "lim_synthetic-objects-timelapse",
    "limnd2_t4p3c2",
    "pims_cluster",
    "synthetic_float",
    "synthetic_invalidpos",
    "synthetic_legacy_jp2_t3p2c2",
    "synthetic_missing",
    "synthetic_netime",
    "synthetic_p3t4c2_u16",
    "synthetic_single",
    "synthetic_t1p2c3",
    "synthetic_t2p2z3c2_lossless",
    "synthetic_t4p3c2_u16",
    "synthetic_widthpad",
    "t98g_t37p2c2",
)
WITHOUT_TIMES = ("lim_synthetic-objects-timelapse", "synthetic_legacy_jp2_t3p2c2")
STILLS = (
    "arcadia_example-cerevisiae",
    "arcadia_example-multichannel",
    "arcadia_example-pbmc",
    "synthetic_single",
)


def read_all(file):
    """All frames of a source, ``(n_fovs, n_frames, n_z, C, H, W)``."""
    sizes = (file.metadata.n_fovs, file.metadata.n_frames, file.metadata.n_z)
    channels = range(file.metadata.n_channels)
    frames = [
        file.read_channels(fov, frame, channels, z) for fov, frame, z in product(*map(range, sizes))
    ]
    return np.array(frames).reshape(*sizes, *frames[0].shape)


def test_every_shared_file_is_in_a_list(shared_data):
    listed = {path.stem for path in (shared_data / "nd2").glob("*.nd2")}
    assert listed == {*READABLE, *RGB}


@pytest.mark.parametrize("name", READABLE)
def test_pixels_of_real_files_are_identical(shared_data, name):
    path = shared_data / "nd2" / f"{name}.nd2"
    with open_microscopy(path) as file:
        frames = read_all(file)
        assert frames.dtype == file.metadata.dtype
    np.testing.assert_array_equal(frames, plain_frames(path))


@pytest.mark.parametrize("name", sorted({*READABLE} - {*WITHOUT_TIMES, *STILLS}))
def test_times_of_real_files_are_exact_to_the_millisecond(shared_data, name):
    path = shared_data / "nd2" / f"{name}.nd2"
    times_ms = plain_times_ms(path)[:, :, 0]
    with open_microscopy(path) as file:
        assert file.metadata.time_source == "frames"
        ours_ms = file.metadata.frame_times_min * 60_000
    np.testing.assert_allclose(ours_ms, times_ms - times_ms[:, 0].min(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", RGB)
def test_rgb_is_refused(shared_data, name):
    with pytest.raises(ReadError, match="RGB"):
        open_microscopy(shared_data / "nd2" / f"{name}.nd2")


def test_the_main_real_file_says_what_it_is(shared_data):
    with open_microscopy(shared_data / "nd2" / "t98g_t37p2c2.nd2") as file:
        metadata = file.metadata
    assert (metadata.n_fovs, metadata.n_frames, metadata.n_channels) == (2, 37, 2)
    assert (metadata.height, metadata.width, metadata.dtype) == (384, 384, "uint16")
    assert metadata.channel_names == ("Phase", "GFP")
    assert metadata.channels[1].emission_nm == 525.0
    assert metadata.fov_names == ("XY01", "XY02")
    assert metadata.pixel_size_um == pytest.approx(0.8708, abs=1e-4)
    assert metadata.times_of(0)[0] == 0.0
    assert metadata.times_of(1)[0] == pytest.approx(1500 / 60_000)
    assert metadata.warnings == ()


def test_legacy_files_have_times_and_names(shared_data):
    with open_microscopy(shared_data / "nd2" / "synthetic_legacy_jp2_t3p2c2.nd2") as file:
        assert file.metadata.time_source == "frames"
        assert file.metadata.channel_names == ("Phase", "GFP")
        assert len(file.identity()) == 32


def test_legacy_files_name_the_missing_decoder(shared_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with (
        open_microscopy(shared_data / "nd2" / "synthetic_legacy_jp2_t3p2c2.nd2") as file,
        pytest.raises(ReadError, match=r'pip install "napari-pyama\[legacy\]"'),
    ):
        file.read_frame(0, 0, 0)


def test_times_that_contradict_the_period_are_warned_of(shared_data):
    with open_microscopy(shared_data / "nd2" / "limnd2_t4p3c2.nd2") as file:
        (warning,) = file.metadata.warnings
    assert "advance by 0.003 s a frame" in warning
    assert "300 s" in warning


@settings(max_examples=40, deadline=None)
@given(
    order=st.sampled_from(ORDERS),
    sizes=st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3)),
    n_channels=st.integers(1, 4),
    shape=st.tuples(st.integers(1, 18), st.integers(1, 18)),
    dtype=st.sampled_from(DTYPES),
    compress=st.booleans(),
    row_alignment=st.sampled_from((4, 64)),
)
def test_any_nesting_reads_as_it_was_written(
    tmp_path_factory, order, sizes, n_channels, shape, dtype, compress, row_alignment
):
    loops = layout(*sizes, order=order, compress=compress, row_alignment=row_alignment)
    frames = random_frames(loops, n_channels, shape, dtype)
    path = write_frames(tmp_path_factory.mktemp("nd2") / "movie.nd2", frames, loops)
    with open_microscopy(path) as file:
        np.testing.assert_array_equal(read_all(file), frames)
        assert file.metadata.dtype == dtype


def test_frames_larger_than_a_strip_are_put_together(tmp_path, monkeypatch):
    monkeypatch.setattr("pyama_core.io.nd2.reader.STRIP_BYTES", 300)
    loops = layout(n_frames=2)
    frames = random_frames(loops, 3, (17, 23))
    path = write_frames(tmp_path / "movie.nd2", frames, loops)
    with open_microscopy(path) as file:
        np.testing.assert_array_equal(read_all(file), frames)


def test_names_colors_and_scale_come_back(tmp_path):
    channels = (ChannelInfo("Ph", color="#ffffff"), ChannelInfo("GFP", 525.0, 488.0, "#00ff40"))
    loops = layout(positions=(Position("A1"), Position("")), n_z=3, z_step_um=0.5)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops, 2), loops, channels=channels)
    with open_microscopy(path) as file:
        metadata = file.metadata
    assert metadata.channels == channels
    assert metadata.fov_names == ("A1", "FOV 1")
    assert (metadata.pixel_size_um, metadata.z_step_um) == (0.65, 0.5)
    assert (metadata.file_path, metadata.base_name, metadata.file_type) == (path, "movie", "ND2")


def test_channels_without_a_probe_still_have_names(tmp_path):
    loops = layout()
    channels = (ChannelInfo("Ph", color="#ffffff"), ChannelInfo("GFP", color="#00ff40"))
    frames = random_frames(loops, 2)
    path = write_frames(tmp_path / "movie.nd2", frames, loops, channels=channels)
    probe, other = (name.encode("utf-16-le") for name in ("pFluorescentProbe", "pSomethingElse..."))
    path.write_bytes(path.read_bytes().replace(probe, other))
    with open_microscopy(path) as file:
        assert file.metadata.channels == channels
        assert file.metadata.pixel_size_um == 0.65
        np.testing.assert_array_equal(read_all(file), frames)


def test_invalid_positions_are_no_fovs(tmp_path):
    loops = layout(positions=(Position("a"), Position("b", valid=False), Position("c")))
    frames = random_frames(loops)
    path = write_frames(tmp_path / "movie.nd2", frames, loops)
    with open_microscopy(path) as file:
        assert file.metadata.fov_names == ("a", "c")
        (warning,) = file.metadata.warnings
        assert "left out: b (1 of 3); FOVs are numbered without them" in warning
        np.testing.assert_array_equal(read_all(file), frames)


def test_missing_frames_are_named_and_dark_ones_are_not(tmp_path):
    loops = layout(n_fovs=2, n_frames=4)
    frames = random_frames(loops)
    frames[0, 2] = 0
    path = write_frames(tmp_path / "movie.nd2", frames, loops, missing=((1, 1, 0), (1, 3, 0)))
    with open_microscopy(path) as file:
        assert file.metadata.missing_frames == {1: (1, 3)}
        assert any("FOV 1: frame 1, 3" in warning for warning in file.metadata.warnings)
        assert not file.read_frame(1, 0, 1).any()


def test_a_frame_is_missing_when_all_its_planes_are(tmp_path):
    loops = layout(n_frames=3, n_z=2)
    missing = ((0, 1, 1), (0, 2, 0), (0, 2, 1))
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops, missing=missing)
    with open_microscopy(path) as file:
        assert file.metadata.missing_frames == {0: (2,)}


def test_frames_outlive_the_file_and_reading_after_close_says_so(tmp_path):
    loops = layout()
    frames = random_frames(loops)
    path = write_frames(tmp_path / "movie.nd2", frames, loops)
    file = open_microscopy(path)
    plane = file.read_frame(0, 0, 0)
    file.close()
    file.close()
    np.testing.assert_array_equal(plane, frames[0, 0, 0, 0])
    assert file.metadata.width == frames.shape[-1]
    for use in (lambda: file.read_frame(0, 0, 0), file.identity, file.__enter__):
        with pytest.raises(ReadError, match="movie is closed: open it again"):
            use()


def test_planes_are_contiguous_copies_of_the_channels_asked_for(tmp_path):
    loops = layout()
    frames = random_frames(loops, 3)
    path = write_frames(tmp_path / "movie.nd2", frames, loops)
    with open_microscopy(path) as file:
        planes = file.read_channels(0, 0, [2, 0])
        planes[:] = 0
        np.testing.assert_array_equal(file.read_channels(0, 0, [2, 0]), frames[0, 0, 0][[2, 0]])
    assert planes.flags.c_contiguous
    assert planes.flags.owndata


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ((2, 0, 0), "fov 2 is out of range: movie has 2, numbered 0 to 1"),
        ((-1, 0, 0), "fov -1"),
        ((0, 1, 0), "channel 1"),
        ((0, 0, 3), "frame 3"),
        ((0, 0, 0, 1), "z 1"),
    ],
)
def test_indices_out_of_range_are_named(tmp_path, indices, message):
    loops = layout(n_fovs=2, n_frames=3)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)
    with open_microscopy(path) as file, pytest.raises(InputError, match=message):
        file.read_frame(*indices)


def test_a_pickled_file_reopens_even_after_the_original_closed(tmp_path):
    loops = layout(n_fovs=2, n_frames=2)
    frames = random_frames(loops, 2)
    path = write_frames(tmp_path / "movie.nd2", frames, loops)
    with open_microscopy(path) as file:
        packed = pickle.dumps(file)
    with pickle.loads(packed) as copy:
        np.testing.assert_array_equal(read_all(copy), frames)


def test_a_worker_process_reads_a_file_sent_to_it(tmp_path):
    from loky import ProcessPoolExecutor

    loops = layout(n_fovs=2, n_frames=2)
    frames = random_frames(loops, 2)
    path = write_frames(tmp_path / "movie.nd2", frames, loops)
    with ProcessPoolExecutor(1) as pool, open_microscopy(path) as file:
        planes = pool.submit(file.read_channels, 1, 1, [1]).result()
    np.testing.assert_array_equal(planes, frames[1, 1, 0][[1]])


def test_threads_may_read_one_file_together(tmp_path):
    loops = layout(n_frames=64)
    frames = random_frames(loops, 2)
    path = write_frames(tmp_path / "movie.nd2", frames, loops)
    with open_microscopy(path) as file, ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda frame: file.read_channels(0, frame, [0, 1]), range(64)))
    np.testing.assert_array_equal(read, frames[0, :, 0])


def test_identity_is_of_the_content_not_of_path_or_date(tmp_path):
    loops = layout(n_frames=5)
    frames = random_frames(loops)
    first = write_frames(tmp_path / "a.nd2", frames, loops)
    copy = write_frames(tmp_path / "b.nd2", frames, loops)
    other = write_frames(tmp_path / "c.nd2", frames + frames, loops)
    retimed = write_frames(tmp_path / "d.nd2", frames, loops, frame_times_ms=np.arange(5.0))

    def identity(path):
        with open_microscopy(path) as file:
            return file.identity()

    assert identity(first) == identity(copy)
    assert len({identity(path) for path in (first, other, retimed)}) == 3


def test_the_metadata_of_a_long_movie_are_read_at_once(tmp_path, monkeypatch):
    def too_slow(self, index):
        raise AssertionError("metadata were read frame by frame")

    monkeypatch.setattr("nd2.ND2File.frame_metadata", too_slow)
    loops = layout(n_fovs=10, n_frames=5_000)
    times_ms = np.arange(50_000).reshape(5_000, 10).T
    frame = np.ones((1, 2, 2), np.uint8)
    write_nd2(
        tmp_path / "movie.nd2",
        lambda fov, frame_index, z: frame if frame_index == 0 else None,
        channels=[ChannelInfo("a")],
        layout=loops,
        frame_times_ms=times_ms,
    )
    started = time.process_time()
    with open_microscopy(tmp_path / "movie.nd2") as file:
        assert time.process_time() - started < 2
        assert len(file.metadata.missing_frames[9]) == 4_999
        np.testing.assert_allclose(file.metadata.frame_times_min * 60_000, times_ms)


def test_a_map_of_many_frames_is_read_in_a_moment():
    n_frames = 200_000
    entries = [b"ImageDataSeq|%d!" % i + struct.pack("<QQ", 4096 * i, 8) for i in range(n_frames)]
    body = b"".join([*entries, b"ND2 CHUNK MAP SIGNATURE 0000001!", bytes(8)])
    started = time.process_time()
    chunk_map = ChunkMap(body)
    assert time.process_time() - started < 2
    assert chunk_map.offset(n_frames - 1) == 4096 * (n_frames - 1)


def test_unusual_loops_are_refused(tmp_path):
    loops = Nd2Layout(phases=(TimePhase(3),))
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)
    content = path.read_bytes()
    kind = "eType".encode("utf-16-le") + b"\0\0"
    path.write_bytes(content.replace(kind + b"\x01\0\0\0", kind + b"\x07\0\0\0"))
    with pytest.raises(ReadError, match="loop this library does not read"):
        open_microscopy(path)
