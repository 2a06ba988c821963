"""Sees every operation on the files of one folder, so that any of them can fail or be the last.

Opening, renaming, removing and making folders are seen by an audit hook, which may raise; writing
and flushing have none, so files of the folder are opened with a raw file of our own. Nothing but
the standard library is imported: workers load this while they start.
"""

import builtins
import io
import os
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PARTIAL: Final = re.compile(r"\.partial-[0-9a-f]{8}-(?:\d+-\d*-[0-9a-f]{8}-?)?")
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{8,}")
_NUMBER: Final = re.compile(r"\d+")
_WRITING_FLAGS: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
_AUDITED: Final = {
    "os.rename": "rename",
    "os.remove": "remove",
    "os.mkdir": "make folder",
    "os.rmdir": "remove folder",
    "os.utime": "touch",
    "os.link": "link",
    "os.symlink": "link",
    "os.truncate": "truncate",
}
_open: Final = io.open
_fsync: Final = os.fsync
_write: Final = os.write


@dataclass(frozen=True, order=True)
class Operation:
    """What is done to which kind of file."""

    act: str
    file: str
    """Name of the file without its numbers, ``partial`` before it while it is unfinished."""

    def __str__(self) -> str:
        return f"{self.act} {self.file}"


Watcher = Callable[[Operation], None]
"""Called before each operation; what it raises, the operation raises."""


@dataclass
class _Watch:
    folder: str
    watcher: Watcher
    busy: threading.local

    def see(self, act: str, path: Any) -> None:
        """Call the watcher, unless the path is elsewhere or the watcher itself is at work."""
        if getattr(self.busy, "now", False):
            return
        name = _name_in(self.folder, path)
        if name is None:
            return
        self.busy.now = True
        try:
            self.watcher(Operation(act, kind_of(name)))
        finally:
            self.busy.now = False


_watches: list[_Watch] = []


def watch(folder: Path, watcher: Watcher) -> None:
    """Have a watcher see the operations of this process in a folder, to the process's end."""
    _watches.append(_Watch(str(folder.absolute()), watcher, threading.local()))
    builtins.open = io.open = _open_seen  # type: ignore[assignment]
    os.fsync = _fsync_seen
    os.write = _write_seen
    sys.addaudithook(_audit)


def kind_of(name: str) -> str:
    """Return the name of a file without what differs from run to run and from FOV to FOV."""
    whole, n_partial = _PARTIAL.subn("", name)
    plain = _NUMBER.sub("N", _HEXADECIMAL.sub("X", whole))
    return f"partial {plain}" if n_partial else plain


def _see(act: str, path: Any) -> None:
    for each in _watches:
        each.see(act, path)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, str | bytes | os.PathLike):
            _see("open" if _is_writing(mode, flags) else "read", path)
    elif event in _AUDITED:
        _see(_AUDITED[event], arguments[0])


def _is_writing(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str) and set(mode) & set("wax+"):
        return True
    return isinstance(flags, int) and bool(flags & _WRITING_FLAGS)


def _name_in(folder: str, path: Any) -> str | None:
    """Return the path inside the folder; None where it is not inside."""
    try:
        whole = os.path.normpath(Path(os.fsdecode(path)).absolute())
    except (TypeError, ValueError):
        return None
    if whole == folder:
        return "."
    return whole[len(folder) + 1 :] if whole.startswith(folder + os.sep) else None


class _SeenFile(io.FileIO):
    """A raw file whose writes are seen."""

    def write(self, data: Any, /) -> int:
        _see("write", _path_of(self.name))
        return super().write(data)


def _path_of(name: Any) -> Any:
    """Return the path of an open file, which may be known by its descriptor only."""
    if isinstance(name, int):
        try:
            return str(Path(f"/proc/self/fd/{name}").readlink())
        except OSError:
            return None
    return name


def _open_seen(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """Open as `open` does, with a raw file that is seen where it is written to in the folder."""
    path = _path_of(file)
    is_ours = any(_name_in(each.folder, path) is not None for each in _watches)
    if not is_ours or not _is_writing(mode, None):
        return _open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    raw = _SeenFile(file, mode.replace("b", "").replace("t", ""), closefd, opener)
    if buffering == 0:
        return raw
    buffered: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
    if "b" in mode:
        return buffered
    text = io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)
    text.mode = mode  # type: ignore[misc]
    return text


def _fsync_seen(descriptor: int) -> None:
    _see("flush", _path_of(descriptor))
    _fsync(descriptor)


def _write_seen(descriptor: int, data: Any) -> int:
    _see("write", _path_of(descriptor))
    return _write(descriptor, data)
