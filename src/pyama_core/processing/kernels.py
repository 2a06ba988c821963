"""The one numba decorator of the project, and whether its kernels are compiled already.

Compiled code is kept beside the source, else in the user's cache folder, else in a temporary folder
of this user, else nowhere, which is said once. Numba notices a changed source by the file that a
kernel is in, not by the files of the kernels it calls: a kernel calls kernels of its own file only.
"""

import hashlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from getpass import getuser
from pathlib import Path
from typing import Any, Final, TypeVar

import numba
from llvmlite import binding as llvm

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy"}
_SAID: Final = "PYAMA_SAID_KERNELS_UNCACHED"
_PACKAGE: Final = Path(__file__).parents[1]


def kernel(function: F) -> F:
    """Compile a pixel loop, without the GIL, cached wherever this user may write."""
    for folder in ("", _temporary_folder):
        with suppress(RuntimeError, OSError), _caching_in(folder() if callable(folder) else folder):
            return numba.njit(cache=True, **_OPTIONS)(function)  # type: ignore[no-any-return]
    _say_uncached_once()
    return numba.njit(**_OPTIONS)(function)  # type: ignore[no-any-return]


def kernels_cached(what: str = "") -> bool:
    """Whether `mark_compiled` was called for this source, numba, Python and processor.

    Parameters
    ----------
    what
        What was compiled, where that differs: e.g. the pixels' dtype and the methods chosen.
    """
    marker = _marker(what)
    if marker is None:
        return False
    with suppress(OSError):
        return marker.read_text() == _source_digest()
    return False


def mark_compiled(what: str = "") -> None:
    """Note, where the compiled kernels are, that those for `what` exist."""
    marker = _marker(what)
    if marker is not None:
        with suppress(OSError):
            marker.write_text(_source_digest())


@contextmanager
def _caching_in(folder: str) -> Iterator[None]:
    """Let numba cache in `folder`, or where it would by itself if that is empty."""
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = folder or before
    try:
        yield
    finally:
        config.CACHE_DIR = before


def _temporary_folder() -> str:
    """Make a folder that no other user can write to: loading from a cache can run code.

    Raises
    ------
    PermissionError
        If the folder is somebody else's.
    """
    folder = Path(tempfile.gettempdir()) / f"napari-pyama-kernels-{getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    owner_and_mode = folder.stat()
    if hasattr(os, "getuid") and (
        owner_and_mode.st_uid != os.getuid() or owner_and_mode.st_mode & 0o077
    ):
        raise PermissionError(f"{folder} may be written to by others")
    return str(folder)


def _say_uncached_once() -> None:
    """Warn, once for a process and those it starts."""
    if os.environ.setdefault(_SAID, str(os.getpid())) == str(os.getpid()):
        os.environ[_SAID] = "said"
        warnings.warn(
            "Compiled kernels cannot be kept because no cache folder is writable: each start "
            "compiles them again. Set NUMBA_CACHE_DIR to a folder you may write to.",
            RuntimeWarning,
            stacklevel=3,
        )


@kernel
def _nothing() -> None:
    """Stand for all kernels where it matters where they are cached."""


def _marker(what: str) -> Path | None:
    folder = _nothing.stats.cache_path  # type: ignore[attr-defined]
    if folder is None:
        return None
    cpu = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    key = repr((what, numba.__version__, sys.implementation.cache_tag, cpu))
    return Path(folder) / f"kernels-{hashlib.sha256(key.encode()).hexdigest()[:16]}.compiled"


def _source_digest() -> str:
    """Digest of all source files that hold kernels."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        source = path.read_bytes()
        if b"\n@kernel" in source:
            digest.update(source)
    return digest.hexdigest()
