"""Disks: which one a file is on, how much room it has, and when it is to blame for an error."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Final

_FAILURES: Final = frozenset(
    getattr(errno, name)
    for name in (
        "ENOSPC",  # full
        "EDQUOT",  # the user's share of it is full
        "EFBIG",  # it takes no file of this size
        "EIO",  # broken, or pulled out
        "EROFS",  # read-only, as systems make a disk on which they find damage
        "ENODEV",
        "ENXIO",
        "ESTALE",  # a network drive whose server has forgotten the file
        "ENOTCONN",
        "ECONNRESET",
        "ECONNABORTED",
        "ETIMEDOUT",
        "EHOSTDOWN",
        "EHOSTUNREACH",
        "ENETDOWN",
        "ENETUNREACH",
        "EREMOTEIO",
    )
    if hasattr(errno, name)
)
"""What the system says when a disk is full, broken or out of reach."""


class FolderGoneError(FileNotFoundError):
    """A folder that is written to was unmounted, renamed or removed."""


def is_disk_failure(error: BaseException) -> bool:
    """Return whether a disk is to blame, and not what a user gave."""
    if isinstance(error, FolderGoneError):
        return True
    return isinstance(error, OSError) and error.errno in _FAILURES


def name_file(error: OSError, path: Path) -> None:
    """Name the file in an error that names none, as errors of writing do not."""
    if error.filename is None and error.errno is not None:
        error.filename = str(path)


def describe_failure(error: OSError) -> str:
    """Return the sentence for a disk that failed: file, disk, room, what to do."""
    named = error.filename
    path = Path(os.fsdecode(named)) if named and isinstance(named, str | bytes) else None
    where = f"{path}, on the disk {_disk(path)}," if path else "A file"
    return (
        f"{where} cannot be used ({error.strerror}): free some space or check the disk, and do the "
        "same again; what is complete is kept."
    )


def nearest_existing(path: Path) -> Path:
    """Return the path itself, or the nearest folder above it that exists."""
    path = path.absolute()
    return next(p for p in (path, *path.parents) if os.path.lexists(p))


def _disk(path: Path) -> str:
    """Name the disk of a file by where it is mounted, and its room where that can be found out."""
    try:
        here = Path(os.path.realpath(nearest_existing(path)))
        mount = next(folder for folder in (here, *here.parents) if os.path.ismount(folder))
        return f"{mount} ({shutil.disk_usage(mount).free / 1e9:.2f} GB free)"
    except (OSError, StopIteration):
        return path.anchor or "of that file"
