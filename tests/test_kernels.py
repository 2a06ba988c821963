import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numba
import pytest

import pyama_core
from pyama_core.processing import kernels

PACKAGE = Path(pyama_core.__file__).parent


def _kernels_of(module):
    return [
        item for item in vars(module).values() if isinstance(item, numba.core.dispatcher.Dispatcher)
    ]


def _modules_with_kernels():
    for path in sorted(PACKAGE.rglob("*.py")):
        if b"\n@kernel" in path.read_bytes():
            yield import_module(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))


def test_kernels_call_only_kernels_of_their_own_file():
    for module in _modules_with_kernels():
        for function in _kernels_of(module):
            for name in function.py_func.__code__.co_names:
                called = vars(import_module(function.__module__)).get(name)
                if isinstance(called, numba.core.dispatcher.Dispatcher):
                    assert called.__module__ == function.__module__, (function, name)


def test_kernels_release_the_gil_and_are_cached():
    for module in _modules_with_kernels():
        for function in _kernels_of(module):
            assert function.targetoptions["nogil"]
            assert function.stats.cache_path is not None


def test_a_marker_holds_for_what_was_compiled_and_this_source(monkeypatch):
    marker = kernels._marker("of this test")
    try:
        assert not kernels.kernels_cached("of this test")
        kernels.mark_compiled("of this test")
        assert kernels.kernels_cached("of this test")
        assert not kernels.kernels_cached("of another test")
        monkeypatch.setattr(kernels, "_source_digest", lambda: "changed")
        assert not kernels.kernels_cached("of this test")
    finally:
        marker.unlink(missing_ok=True)


SCRIPT = """
import warnings, sys
warnings.simplefilter("error", ResourceWarning)
from pyama_core.processing.kernels import _nothing, kernels_cached, mark_compiled
_nothing()
mark_compiled()
print(_nothing.stats.cache_path, kernels_cached(), sum(_nothing.stats.cache_hits.values()), sep="|")
"""


@pytest.fixture
def installation(tmp_path):
    """A copy of the package in which nothing can be written beside the code, not even by root."""
    package = tmp_path / "site" / "pyama_core"
    (package / "processing").mkdir(parents=True)
    for name in ("__init__.py", "__init__.pyi", "processing/__init__.py", "processing/kernels.py"):
        shutil.copy(PACKAGE / name, package / name)
        (package / name).with_name("__pycache__").unlink(missing_ok=True)
        (package / name).with_name("__pycache__").write_text("in the way of a cache")
    return package.parent


def _run(installation, home, temporary):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA", "XDG", "PYAMA"))}
    places = {"PYTHONPATH": installation, "HOME": home, "TMPDIR": temporary}
    environment = kept | {key: str(place) for key, place in places.items()}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    folder, cached, hits = done.stdout.strip().split("|")
    return folder, cached == "True", int(hits), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="cache folders are set by HOME and TMPDIR")
class TestReadOnlyInstallation:
    def test_the_users_cache_folder_is_used_and_found_again(self, installation, tmp_path):
        home, temporary = tmp_path / "home", tmp_path / "tmp"
        home.mkdir()
        temporary.mkdir()
        first = _run(installation, home, temporary)
        assert Path(first[0]).is_relative_to(home)
        assert first[1:] == (True, 0, "")
        assert _run(installation, home, temporary)[1:] == (True, 1, "")

    def test_else_a_temporary_folder_of_this_user_alone(self, installation, tmp_path):
        home, temporary = tmp_path / "home", tmp_path / "tmp"
        home.write_text("not a folder")
        temporary.mkdir()
        folder, *rest = _run(installation, home, temporary)
        assert Path(folder).is_relative_to(temporary)
        assert rest == [True, 0, ""]
        assert next(temporary.glob("napari-pyama*")).stat().st_mode & 0o077 == 0
        assert _run(installation, home, temporary)[1:] == (True, 1, "")

    def test_a_temporary_folder_open_to_others_is_not_trusted(self, installation, tmp_path):
        home, temporary = tmp_path / "home", tmp_path / "tmp"
        home.write_text("not a folder")
        temporary.mkdir()
        _run(installation, home, temporary)
        next(temporary.glob("napari-pyama*")).chmod(0o777)
        folder, cached, _, said = _run(installation, home, temporary)
        assert (folder, cached) == ("None", False)
        assert said.count("NUMBA_CACHE_DIR") == 1
