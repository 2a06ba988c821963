"""The one numba decorator of the project."""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def kernel(function: F) -> F:
    """Compile a pixel loop, cached beside the code or wherever the user may write.

    Numba looks beside the code and in the user's cache folder; where neither can be written
    the cache goes to a temporary folder, and where that fails too nothing is cached.
    """
    for cache_dir in (None, Path(tempfile.gettempdir()) / "napari-pyama-kernels"):
        if cache_dir is not None:
            numba.config.CACHE_DIR = str(cache_dir)
        try:
            return numba.njit(cache=True, **_OPTIONS)(function)  # type: ignore[no-any-return]
        except RuntimeError:
            continue
    _say_uncached_once()
    return numba.njit(**_OPTIONS)(function)  # type: ignore[no-any-return]


def _say_uncached_once() -> None:
    warnings.warn(
        "Compiled kernels cannot be cached because no cache folder is writable: "
        "each start compiles them again. Set NUMBA_CACHE_DIR to a writable folder.",
        stacklevel=3,
    )
