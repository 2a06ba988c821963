"""Files appear whole or not at all, and their digest is taken on the way."""

from pathlib import Path

import numpy as np
import pytest

from pyama_core.io.atomic import (
    PARTIAL_PREFIX,
    atomic_write,
    digest_file,
    remove_partial,
    write_npy_stream,
    write_text,
)


def test_a_file_appears_under_its_name_only_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.csv"
    with atomic_write(path) as partial:
        partial.write_text("content")
        assert partial.suffix == ".csv"
        assert not path.exists()
    assert path.read_text() == "content"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_write(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_partial_files_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    (tmp_path / f"{PARTIAL_PREFIX}1234-file.npy").write_bytes(b"half")
    remove_partial(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.uint32, np.float32])
@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 17, 23), (0, 4, 4)])
def test_a_stream_is_the_array_numpy_would_save(
    tmp_path: Path, dtype: type, shape: tuple[int, ...]
) -> None:
    array = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    np.save(tmp_path / "numpy.npy", array)
    with write_npy_stream(tmp_path / "stream.npy", shape, dtype) as stream:
        for frame in array:
            stream.write(frame)
    assert (tmp_path / "stream.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()
    assert stream.digest == digest_file(tmp_path / "stream.npy")


def test_a_stream_takes_frames_in_any_memory_order(tmp_path: Path) -> None:
    frame = np.arange(12, dtype=np.uint16).reshape(3, 4).T
    with write_npy_stream(tmp_path / "a.npy", (1, 4, 3), np.uint16) as stream:
        stream.write(frame)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy")[0], frame)


@pytest.mark.parametrize("n_frames", [1, 3])
def test_too_few_or_too_many_frames_publish_nothing(tmp_path: Path, n_frames: int) -> None:
    frame = np.zeros((4, 4), np.uint8)
    with (
        pytest.raises(ValueError, match="frames"),
        write_npy_stream(tmp_path / "a.npy", (2, 4, 4), np.uint8) as stream,
    ):
        for _ in range(n_frames):
            stream.write(frame)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("frame", [np.zeros((4, 5), np.uint8), np.zeros((4, 4), np.uint16)])
def test_a_frame_of_another_shape_or_type_is_refused(tmp_path: Path, frame: np.ndarray) -> None:
    with (
        pytest.raises(ValueError, match="frame 0"),
        write_npy_stream(tmp_path / "a.npy", (1, 4, 4), np.uint8) as stream,
    ):
        stream.write(frame)
    assert not list(tmp_path.iterdir())


def test_a_changed_byte_changes_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(1000))
    before = digest_file(path)
    path.write_bytes(bytes(999) + b"\x01")
    assert digest_file(path) != before
