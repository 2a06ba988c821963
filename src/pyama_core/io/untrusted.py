"""Names, paths and small files that anybody may have written, checked where they are read."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, Final, Literal

import yaml

from pyama_core.errors import ReadError

Place = Literal["inside", "outside", "missing"]
"""Where a path leads: to a regular file of the folder, to anything else, or nowhere."""

HIDDEN: Final = "."
"""What the names of unfinished files, locks and the system's own files begin with."""

_LONGEST_NAME: Final = 255
"""Bytes in the name of a file, on any disk."""
_MOST_BYTES: Final = 256 << 20
"""Of a file that is read as a whole: the index of 100 000 FOVs has 150 MB."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_DEPTH: Final = 50
"""Of lists and mappings in a YAML file, aliases followed; those of results have six."""
_MOST_VALUES: Final = 10_000_000
"""In a YAML file, aliases followed: twice those of the index of 100 000 FOVs."""


def is_plain_name(name: str) -> bool:
    """Return whether a text names a visible file of one folder, on every system."""
    try:
        n_bytes = len(os.fsencode(name))
    except UnicodeError:
        return False
    return (
        0 < n_bytes <= _LONGEST_NAME
        and not name.startswith(HIDDEN)
        and "\0" not in name
        and PurePath(name).name == name
        and PureWindowsPath(name).name == name
    )


class InsideFolder:
    """Tells which paths lead to regular files inside a folder, links followed.

    Parameters
    ----------
    folder
        The folder; its own path may hold links.
    """

    def __init__(self, folder: Path) -> None:
        self._root = Path(os.path.realpath(folder))
        self._parents: dict[Path, bool] = {}

    def place(self, path: Path) -> Place:
        """Return where a path leads.

        Hidden files and files of hidden folders are outside: they are never results.
        """
        try:
            return self._place(path)
        except ValueError:  # The path holds a zero byte, which no system takes.
            return "missing"
        except OSError:
            return "outside"

    def _place(self, path: Path) -> Place:
        if not self._holds(path.parent):
            return "outside" if os.path.lexists(path) else "missing"
        try:
            mode = path.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        if path.name.startswith(HIDDEN):
            return "outside"
        if stat.S_ISLNK(mode):
            return self._place_of_link(path)
        return "inside" if stat.S_ISREG(mode) else "outside"

    def _place_of_link(self, path: Path) -> Place:
        target = Path(os.path.realpath(path))
        return "inside" if self._holds(target.parent) and target.is_file() else "outside"

    def _holds(self, folder: Path) -> bool:
        """Whether a folder lies in this one, and no part of its path in it is hidden."""
        known = self._parents.get(folder)
        if known is None:
            real = Path(os.path.realpath(folder))
            known = real.is_relative_to(self._root) and not any(
                part.startswith(HIDDEN) for part in real.relative_to(self._root).parts
            )
            self._parents[folder] = known
        return known


def read_regular(path: Path, *, follow_link: bool = False) -> bytes:
    """Read a small file as a whole, but no device, pipe or folder in its place.

    Parameters
    ----------
    path
        The file.
    follow_link
        Whether a link is followed, which is right for a file that a user names: one that is
        found in a folder may lead out of it.

    Raises
    ------
    FileNotFoundError
        Nothing is there.
    ReadError
        It is no regular file, or far too large.
    """
    if not follow_link:
        check_no_link(path)
    nonblocking = getattr(os, "O_NONBLOCK", 0)  # A pipe would be waited for.
    binary = getattr(os, "O_BINARY", 0)
    if path.is_dir():
        raise ReadError(f"{path} is a folder, not a file: move it away.")
    with os.fdopen(os.open(path, os.O_RDONLY | nonblocking | binary), "rb") as file:
        known = os.fstat(file.fileno())
        if not stat.S_ISREG(known.st_mode):
            raise ReadError(f"{path} is a device or pipe, not a file: move it away.")
        if known.st_size > _MOST_BYTES:
            raise ReadError(
                f"{path} has {known.st_size} bytes, which is too much for what it should be: it "
                f"may have {_MOST_BYTES}. Restore it or move it away."
            )
        return file.read()


def check_no_link(path: Path) -> None:
    """Raise ReadError for a link: it may lead out of the folder it is found in."""
    if path.is_symlink():
        raise ReadError(f"{path} is a link, not a file: put the file itself in its place.")


def read_yaml(path: Path, *, follow_link: bool = False) -> Any:
    """Read a YAML file; see `read_regular`.

    Raises
    ------
    FileNotFoundError
        Nothing is there.
    ReadError
        It is not valid YAML, or unfolds to more than any file of ours or PyAMA's holds.
    """
    content = read_regular(path, follow_link=follow_link)
    try:
        return parse_yaml(content)
    except ValueError as error:
        raise ReadError(f"{path} is not valid YAML ({error}).") from None


def parse_yaml(content: str | bytes) -> Any:
    """Return what YAML holds.

    Raises
    ------
    ValueError
        It is not valid, or unfolds to more than any file of ours or PyAMA's holds.
    """
    try:
        parsed = yaml.load(content, Loader=_Loader)
        _check_size(parsed)
    except Exception as error:  # Its constructors raise whatever their conversions do.
        said = str(error).splitlines() or [type(error).__name__]
        raise ValueError(said[0]) from None
    return parsed


def _check_size(content: Any) -> None:
    """Raise ValueError where aliases make endless or enormous contents of a small file."""
    if _count(content, {}, _MOST_DEPTH) > _MOST_VALUES:
        raise ValueError("its aliases unfold to too many values")


def _count(item: Any, known: dict[int, int], depth: int) -> int:
    """Count the values in an item, each list and mapping once, however often it is named."""
    if not isinstance(item, dict | list):
        return 1
    if depth == 0:
        raise ValueError("aliases or brackets are nested too deep")
    if id(item) not in known:
        values = item.values() if isinstance(item, dict) else item
        known[id(item)] = 1 + sum(_count(value, known, depth - 1) for value in values)
    return known[id(item)]
