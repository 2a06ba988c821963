"""What copying reads of a microscopy file does not stay in the system's memory."""

import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pyama_core.io import MicroscopyFile, MicroscopyMetadata, open_microscopy
from pyama_core.processing.workflow.services.copying import CopyingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from tests.reference.nd2_files import layout, random_frames, write_frames

pytestmark = pytest.mark.skipif(
    not hasattr(os, "RWF_NOWAIT"), reason="this system does not tell what it keeps in memory"
)

_PAGE, _SIDE = 4096, 512
Movie = tuple[Path, NDArray[np.uint16]]


def share_in_memory(path: Path) -> float:
    """Tell which share of a file's pages the system has in memory."""
    with path.open("rb") as file:
        # Otherwise asking for one page brings its neighbors.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        offsets = range(0, path.stat().st_size, _PAGE)
        return float(np.mean([_is_at_hand(file.fileno(), offset) for offset in offsets]))


def _is_at_hand(file: int, offset: int) -> bool:
    try:
        return os.preadv(file, [bytearray(1)], offset, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False


def _to_the_disk(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.fixture
def movie(tmp_path: Path) -> Iterator[Movie]:
    """Two FOVs of three frames, on the disk and in memory both."""
    frames = random_frames(layout(2, 3), 2, (_SIDE, _SIDE))
    path = write_frames(tmp_path / "movie.nd2", frames, layout(2, 3))
    _to_the_disk(path)
    if share_in_memory(path):
        pytest.skip("this file system keeps all files in memory")
    path.read_bytes()
    assert share_in_memory(path) == 1
    yield path, frames


def _read_all(file: MicroscopyFile) -> NDArray[np.uint16]:
    return np.array([[file.read_channels(fov, t, [0, 1]) for t in range(3)] for fov in range(2)])


def _sent(file: MicroscopyFile) -> MicroscopyFile:
    with file:
        copy: MicroscopyFile = pickle.loads(pickle.dumps(file))
        return copy


@pytest.mark.parametrize("arriving", [lambda file: file, _sent], ids=["opened", "sent"])
def test_frames_read_once_are_let_go(
    movie: Movie, arriving: Callable[[MicroscopyFile], MicroscopyFile]
) -> None:
    path, frames = movie
    with arriving(open_microscopy(path, read_once=True)) as file:
        np.testing.assert_array_equal(_read_all(file), frames[:, :, 0])
    assert share_in_memory(path) < 0.1


def test_frames_that_may_be_looked_at_again_are_kept(movie: Movie) -> None:
    path, frames = movie
    with open_microscopy(path) as file:
        np.testing.assert_array_equal(_read_all(file), frames[:, :, 0])
    assert share_in_memory(path) == 1


def test_a_file_system_that_takes_no_advice_is_read_all_the_same(
    movie: Movie, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise OSError("not here")

    monkeypatch.setattr(os, "posix_fadvise", refuse)
    path, frames = movie
    with open_microscopy(path, read_once=True) as file:
        np.testing.assert_array_equal(_read_all(file), frames[:, :, 0])


def test_copying_keeps_nothing_in_memory_of_the_frames_it_read(
    movie: Movie, tmp_path: Path
) -> None:
    path, frames = movie
    metadata = MicroscopyMetadata(path, "movie", n_fovs=2, n_frames=3, height=_SIDE, width=_SIDE)
    context = ProcessingContext(tmp_path, Channels(pc=0, fl=[1]))
    CopyingService().process_fov(metadata, context, tmp_path, 1)
    # Read are the three frames of the FOV and, to know the file again, one of the other's three.
    assert 2 / 6 < share_in_memory(path) < 2.5 / 6
    copied = context.results_paths[1].fl[0][1]
    np.testing.assert_array_equal(np.load(copied), frames[1, :, 0, 1])
    assert share_in_memory(copied) == 1
