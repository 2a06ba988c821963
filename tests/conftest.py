"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real files for tests; the test skips where it is absent."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the shared data folder (../shared/data) is not here")
    return _SHARED_DATA
