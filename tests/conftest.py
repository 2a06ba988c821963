"""Fixtures shared by all tests."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pyama_core.io import MicroscopyMetadata
from tests.runs import N_FOVS, N_FRAMES, SIZE, small_metadata
from tests.scenes import write_scene

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real files for tests; the test skips where it is absent."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the shared data folder (../shared/data) is not here")
    return _SHARED_DATA


@pytest.fixture
def no_leaked_files() -> Iterator[None]:
    """Fail a test that leaves an ND2 file open that was not open before."""
    before = open_nd2_files()
    yield
    assert not open_nd2_files() - before


def open_nd2_files() -> set[str]:
    """Paths of the ND2 files this process has open."""
    return {file.path for file in psutil.Process().open_files() if ".nd2" in file.path}


@pytest.fixture(scope="session")
def small_nd2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three FOVs of four frames with textured, glowing blobs; see `tests.scenes`."""
    path = tmp_path_factory.mktemp("nd2") / "small.nd2"
    write_scene(path, n_fovs=N_FOVS, n_frames=N_FRAMES, size=SIZE)
    return path


@pytest.fixture
def metadata(small_nd2: Path) -> MicroscopyMetadata:
    """What a user has to state of that movie."""
    return small_metadata(small_nd2)
