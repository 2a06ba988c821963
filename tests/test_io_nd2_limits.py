"""Nothing a file claims of itself costs more memory or time than the file can be worth."""

import re
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from pyama_core.errors import ReadError
from pyama_core.io import open_microscopy
from pyama_core.io.nd2.clx import MAX_RECORD_BYTES, MAX_TEXT_BYTES, check_record, encode
from pyama_core.io.nd2.container import HEADER
from tests.reference.nd2_files import (
    add_chunk,
    hide_chunk,
    layout,
    random_frames,
    write_frames,
    write_number,
)

pytestmark = pytest.mark.usefixtures("no_leaked_files")


def movie(tmp_path, **loops):
    given = layout(**{"n_frames": 3, **loops})
    frames = random_frames(given, 2, (64, 64))
    return frames, write_frames(tmp_path / "movie.nd2", frames, given)


@pytest.fixture
def frugal():
    """Fail a test that takes much more memory than its file."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def replace_frame(path, index, stored):
    """Give a frame other bytes after its time, of whatever length."""
    name = b"ImageDataSeq|%d!" % index
    content = path.read_bytes()
    _, name_length, size = HEADER.unpack_from(content, content.index(name) - HEADER.size)
    hide_chunk(path, name)
    start = content.index(name) + name_length
    assert size > 8
    add_chunk(path, name, content[start : start + 8] + stored)


@pytest.mark.parametrize(
    "stored",
    [
        zlib.compress(bytes(64 << 20)),
        zlib.compress(bytes(64 * 64 * 2 * 2 + 1)),
        zlib.compress(bytes(64 * 64 * 2 * 2 - 1)),
        zlib.compress(bytes(64 * 64 * 2 * 2))[:-6],
        b"",
        b"\0" * 100,
    ],
    ids=["bomb", "longer", "shorter", "cut", "empty", "zeros"],
)
@pytest.mark.usefixtures("frugal")
def test_a_frame_that_inflates_to_another_size_is_damaged(tmp_path, stored):
    frames, path = movie(tmp_path, compress=True)
    replace_frame(path, 1, stored)
    with open_microscopy(path) as file:
        with pytest.raises(ReadError, match=r"Frame 1 of movie\.nd2 is damaged"):
            file.read_frame(0, 0, 1)
        np.testing.assert_array_equal(file.read_frame(0, 1, 2), frames[0, 2, 0, 1])


def test_what_follows_a_compressed_frame_is_not_read(tmp_path):
    frames, path = movie(tmp_path, compress=True)
    stored = zlib.compress(np.ascontiguousarray(np.moveaxis(frames[0, 1, 0], 0, -1)).tobytes())
    replace_frame(path, 1, stored + bytes(1 << 20))
    with open_microscopy(path) as file:
        np.testing.assert_array_equal(file.read_channels(0, 1, [0, 1]), frames[0, 1, 0])


HUGE = (1 << 31, (1 << 32) - 1, 1 << 20)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, value) for key in ("uiWidth", "uiHeight", "uiWidthBytes") for value in HUGE),
        *(("uiComp", value) for value in (1, 3, 1 << 31, 1 << 20)),
        *(("uiBpcInMemory", value) for value in (0, 1, 8, 24, 32, 64, 1 << 31)),
        *(("uiWidth", value) for value in (0, 1, 32, 65)),
        *(("uiHeight", value) for value in (0, 100_000)),
        ("uiWidthBytes", 1),
    ],
)
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.usefixtures("frugal")
def test_a_frame_that_does_not_fit_its_file_is_damage(tmp_path, key, value, compress):
    _, path = movie(tmp_path, compress=compress)
    write_number(path, key, value, "I")
    with pytest.raises(ReadError, match=r"movie\.nd2"), open_microscopy(path) as file:
        file.read_frame(0, 0, 0)


def test_a_frame_of_fewer_rows_than_it_stores_is_damaged(tmp_path):
    _, path = movie(tmp_path)
    write_number(path, "uiHeight", 32, "I")
    with open_microscopy(path) as file, pytest.raises(ReadError, match=r"Frame 0 .* is damaged"):
        file.read_frame(0, 0, 0)


def test_frames_whose_places_are_swapped_are_not_mixed_up(tmp_path):
    frames, path = movie(tmp_path)
    content = path.read_bytes()
    first, second = (content.rindex(b"ImageDataSeq|%d!" % index) + 15 for index in (0, 1))
    swapped = bytearray(content)
    swapped[first : first + 16] = content[second : second + 16]
    swapped[second : second + 16] = content[first : first + 16]
    path.write_bytes(swapped)
    with open_microscopy(path) as file:
        for frame in (0, 1):
            with pytest.raises(ReadError, match=f"Frame {frame} of"):
                file.read_frame(0, 0, frame)
        np.testing.assert_array_equal(file.read_frame(0, 0, 2), frames[0, 2, 0, 0])


def deflated(record, times=1):
    for _ in range(times):
        record = b"\x4c\0" + bytes(10) + zlib.compress(record, 9)
    return record


BOMB = encode("SLxExperiment", {"a": bytes(MAX_RECORD_BYTES)})


@pytest.mark.parametrize(
    "record",
    [
        deflated(BOMB),
        deflated(BOMB, 2),
        encode("SLxExperiment", {"eType": deflated(BOMB)}),
        encode("SLxExperiment", {"eType": "x" * (MAX_TEXT_BYTES // 2 + 1)}),
        encode("SLxExperiment", {"uLoopPars": {"x": {"y": ["x" * MAX_TEXT_BYTES]}}}),
    ],
    ids=["deflated", "twice", "in bytes", "text", "nested text"],
)
def test_records_of_impossible_size_are_refused_before_they_are_read(tmp_path, record):
    _, path = movie(tmp_path)
    hide_chunk(path, b"ImageMetadataLV!")
    add_chunk(path, b"ImageMetadataLV!", record)
    with pytest.raises(ReadError, match=r"metadata of movie\.nd2 cannot be read"):
        open_microscopy(path)


def test_compressed_records_are_read(tmp_path):
    _, path = movie(tmp_path)
    content = path.read_bytes()
    start = content.index(b"ImageMetadataLV!") - HEADER.size
    _, name_length, size = HEADER.unpack_from(content, start)
    record = content[start + HEADER.size + name_length :][:size]
    hide_chunk(path, b"ImageMetadataLV!")
    add_chunk(path, b"ImageMetadataLV!", deflated(record, 2))
    with open_microscopy(path) as file:
        assert file.metadata.n_frames == 3


def test_records_of_any_bytes_are_checked_without_an_error():
    rng = np.random.default_rng(0)
    whole = encode("SLxExperiment", {"a": 1, "b": "text", "c": [{"d": 0.5}, {"e": b"12345"}]})
    for _ in range(2000):
        record = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            record[place] = rng.integers(0, 256)
        check_record(bytes(record[: rng.integers(0, len(whole) + 1)]))
    check_record(struct.pack("<BB", 11, 1) + b"\0\0" + struct.pack("<IQ", 0xFFFFFFFF, 0))


@pytest.mark.parametrize("xml", [True, False])
def test_xml_that_multiplies_itself_is_refused(tmp_path, xml):
    lines = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE v [<!ENTITY a0 "aaaaaaaaaa">{lines}]><v><b>&a9;</b></v>'
    bomb = bomb if xml else bomb.removeprefix('<?xml version="1.0"?>')
    _, path = movie(tmp_path)
    hide_chunk(path, b"ImageMetadataLV!")
    add_chunk(path, b"ImageMetadataLV!", bomb.encode())
    with pytest.raises(ReadError, match=r"movie\.nd2"):
        open_microscopy(path)


def test_a_legacy_plane_larger_than_its_frame_is_damaged(shared_data, tmp_path):
    path = tmp_path / "movie.nd2"
    content = bytearray((shared_data / "nd2" / "synthetic_legacy_jp2_t3p2c2.nd2").read_bytes())
    start = content.index(b"\xff\x4f\xff\x51") + 8
    content[start : start + 8] = struct.pack(">II", 30_000, 30_000)
    path.write_bytes(content)
    with open_microscopy(path) as file:
        with pytest.raises(ReadError, match=r"Frame 0 of movie\.nd2 is damaged"):
            file.read_frame(0, 0, 0)
        assert file.read_frame(0, 0, 1).shape == (32, 40)


@pytest.mark.parametrize("count", [b"1", b"3"])
def test_a_legacy_frame_of_other_planes_than_channels_is_damaged(shared_data, tmp_path, count):
    path = tmp_path / "movie.nd2"
    content = (shared_data / "nd2" / "synthetic_legacy_jp2_t3p2c2.nd2").read_bytes()
    stated = re.search(rb'<CompCount runtype="lx_int32" value="2"', content)
    assert stated
    path.write_bytes(content.replace(stated[0], stated[0].replace(b'"2"', b'"%s"' % count)))
    with pytest.raises(ReadError, match=r"movie\.nd2"), open_microscopy(path) as file:
        file.read_frame(0, 0, 0)
