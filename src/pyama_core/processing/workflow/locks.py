"""Who works on what: one lock file per FOV folder and one per index, alive while its heart beats.

A lock file is created exclusively, which works on network drives too. It names the process that
holds it (`processes.ProcessId`). Where that process can be seen it is asked for; elsewhere a lock
counts while it is touched every few seconds: one that was not for a minute, by the file server's
own clock, is watched for longer than its heart takes to beat before it is taken over, as clocks
are set at times.
"""

import json
import logging
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pyama_core.disks import is_disk_failure
from pyama_core.errors import InputError
from pyama_core.io.atomic import check_still_there, partial_name
from pyama_core.io.untrusted import read_regular
from pyama_core.processes import ProcessId, as_json, is_running, process_from_json, this_process
from pyama_core.processing.workflow.outputs import check_writable, unwritable

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]  # Windows

HEARTBEAT_SECONDS: Final = 10.0
STALE_SECONDS: Final = 60.0
_BEATS_TO_WATCH: Final = 1.3
_SECONDS_BETWEEN_TRIES: Final = 0.05
_SECONDS_TO_SAY: Final = 20.0
_SECONDS_TO_GIVE_UP: Final = 600.0
"""A lock that is awaited is held for about a second at a time."""

_held_tokens: Final[set[str]] = set()
"""Of this process's runs: one of its locks may come back with a disk that was pulled out."""


class FolderInUseError(InputError):
    """Another run works on a FOV."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read of a lock file."""

    process: ProcessId | None
    """Who holds it; None where it does not say so."""
    token: str
    """Which of that process's locks it is."""
    beat: int
    """When it was last touched, in ns of the file server's clock."""

    def __str__(self) -> str:
        return str(self.process or "another run")


@contextmanager
def awaited_lock(path: Path) -> Iterator[None]:
    """Hold one lock in a folder while the block runs, after whoever holds it now.

    Who is waited for is said after a while.

    Raises
    ------
    FolderInUseError
        Its holder has not released it for minutes.
    InputError
        The folder cannot be written to.
    OSError
        The disk failed, or the folder is gone (`io.atomic.only_beside`).
    """
    with ExitStack() as held:
        started, is_said = time.monotonic(), False
        while True:
            check_still_there()
            try:
                held.enter_context(_held([path]))
                break
            except FolderInUseError as error:
                waited = time.monotonic() - started
                if waited > _SECONDS_TO_GIVE_UP:
                    raise
                if waited > _SECONDS_TO_SAY and not is_said:
                    logging.getLogger(__name__).warning("Waiting: %s", error)
                    is_said = True
                time.sleep(_SECONDS_BETWEEN_TRIES)
        yield


@contextmanager
def held_locks(paths: Iterable[Path]) -> Iterator[None]:
    """Hold one lock per FOV while the block runs.

    Raises
    ------
    FolderInUseError
        Another living run holds one of them; none is held then.
    InputError
        The folder of a FOV cannot be made or written to.
    OSError
        The disk failed.
    """
    paths = list(paths)
    for path in paths:
        _make_folder(path.parent)
    with _held(paths):
        yield


@contextmanager
def _held(paths: Sequence[Path]) -> Iterator[None]:
    held: dict[Path, str] = {}
    stop = threading.Event()
    beating = threading.Thread(target=_beat, args=(held, stop), daemon=True)
    try:
        dead = _checked_dead(paths)
        for path in paths:
            held[path] = _take_over(path, dead[path]) if path in dead else _create(path)
        beating.start()
        yield
    finally:
        stop.set()
        for path, token in held.items():
            _release(path, token)
        if beating.ident is not None:
            beating.join()


def check_unlocked(paths: Iterable[Path]) -> None:
    """Check that `held_locks` would hold all of these now; nothing is written.

    Raises
    ------
    FolderInUseError
        Another living run holds one of them.
    InputError
        The folder of a FOV cannot be made or written to.
    """
    paths = list(paths)
    for path in paths:
        check_writable(path.parent)
    _checked_dead(paths)


def remove_dead_locks(paths: Iterable[Path]) -> None:
    """Remove locks whose holders were killed, where that can be seen at once.

    They are not taken over first: whoever wants one at that moment would find it held.
    """
    for path in paths:
        with suppress(OSError, InputError):
            seen = _read(path)
            if seen is not None and _holder_runs(seen) is False:
                _remove_dead(path, seen)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None


def _checked_dead(paths: Sequence[Path]) -> dict[Path, _Seen]:
    """Return the locks whose holders are gone; raise FolderInUseError where one is not."""
    dead, doubtful = dict[Path, _Seen](), dict[Path, _Seen]()
    for path in paths:
        if (seen := _read(path)) is None:
            continue
        runs = _holder_runs(seen)
        if runs or (runs is None and abs(_seconds_since_beat(path, seen)) < STALE_SECONDS):
            raise _in_use(path, seen)
        (doubtful if runs is None else dead)[path] = seen
    if doubtful:
        _check_heartless(doubtful)
    return dead | doubtful


def _holder_runs(seen: _Seen) -> bool | None:
    """Whether a lock's holder is at work; None where that cannot be told at once."""
    if seen.process == this_process():
        return seen.token in _held_tokens
    return is_running(seen.process) if seen.process else None


def _check_heartless(locks: dict[Path, _Seen]) -> None:
    """Raise FolderInUseError where one of these locks is touched while it is watched."""
    time.sleep(_BEATS_TO_WATCH * HEARTBEAT_SECONDS)
    for path, before in locks.items():
        if (seen := _read(path)) not in (before, None):
            raise _in_use(path, seen)


def _in_use(path: Path, seen: _Seen | None) -> FolderInUseError:
    return FolderInUseError(
        f"{path.parent} is being worked on by {seen or 'another run'}: "
        "wait until that run ends, or choose another output folder."
    )


def _create(path: Path) -> str:
    """Create a lock file and return its token."""
    try:
        return _link(path)
    except FileExistsError:
        raise _in_use(path, _read(path)) from None
    except OSError as error:
        raise unwritable(path.parent, error) from None


def _link(path: Path) -> str:
    """Create a file that has its content from the first moment on, or fail where there is one."""
    partial = path.with_name(partial_name(path.name))
    try:
        with partial.open("xb") as file:
            token = _write(file)
        try:
            os.link(partial, path)
        except FileExistsError:
            if partial.stat().st_nlink == 1:  # Else a server's answer was lost, and asked again.
                raise
        return token
    except FileExistsError:
        raise
    except OSError as error:
        if is_disk_failure(error) or not partial.exists():
            raise
        return _create_in_place(path)  # This disk knows no second name of a file.
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _create_in_place(path: Path) -> str:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            return _write(file)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def _write(file: BinaryIO) -> str:
    token = uuid.uuid4().hex
    _held_tokens.add(token)
    content = {**as_json(this_process()), "token": token}
    file.write(json.dumps(content).encode())
    return token


def _take_over(path: Path, seen: _Seen) -> str:
    """Make a dead lock one's own and return its token.

    Others may want it at the same time. It is rewritten in its place, so that it is never missing,
    while the system keeps others from the file; where the system cannot, it is removed and made
    again.
    """
    try:
        with _only_one(path, seen) as file:
            file.truncate(0)
            return _write(file)
    except FileNotFoundError:
        return _create(path)
    except OSError:
        _remove(path, seen)
        return _create(path)


@contextmanager
def _only_one(path: Path, seen: _Seen) -> Iterator[BinaryIO]:
    """Open a dead lock that nobody else takes over or removes while the block runs.

    Raises
    ------
    FileNotFoundError
        Somebody has removed it.
    FolderInUseError
        Somebody has taken it over.
    OSError
        This system cannot keep others from a file.
    """
    with path.open("r+b") as file:
        if fcntl is None:
            raise OSError("This system has no advisory locks.")
        fcntl.flock(file, fcntl.LOCK_EX)
        now = _read(path)
        if now is None:
            raise FileNotFoundError(f"{path} is gone.")
        if now != seen or not _is_at(path, file):
            raise _in_use(path, now)
        yield file


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _remove_dead(path: Path, seen: _Seen) -> None:
    try:
        with _only_one(path, seen):
            path.unlink()
    except FileNotFoundError:
        return
    except OSError:
        _remove(path, seen)


def _remove(path: Path, seen: _Seen) -> None:
    """Remove a dead lock, unless another run has just made it its own."""
    grave = path.with_name(f"{path.name}-dead-{uuid.uuid4().hex}")
    try:
        path.rename(grave)
    except FileNotFoundError:
        return
    if _read(grave) == seen:
        grave.unlink()
    else:
        grave.rename(path)


def _release(path: Path, token: str) -> None:
    """Remove a lock of one's own; one that was taken over meanwhile is another run's."""
    with suppress(OSError, InputError):
        seen = _read(path)
        if seen is not None and seen.token == token:
            path.unlink()
    _held_tokens.discard(token)  # Last: until it is gone, it must not look like a dead one.


def _read(path: Path) -> _Seen | None:
    """Read a lock file; None where there is none.

    Raises
    ------
    InputError
        What is in its place is no file.
    """
    if not os.path.lexists(path):
        return None
    if path.is_symlink() or not path.is_file():
        if os.path.lexists(path):
            raise InputError(f"{path} is in the place of a lock file: move it away.")
        return None
    try:
        content = json.loads(read_regular(path))
    except (OSError, ValueError, RecursionError):
        content = None
    process = process_from_json(content)
    token = str(content.get("token")) if isinstance(content, dict) else ""
    beat = _beat_of(path)
    return None if beat is None else _Seen(process, token, beat)


def _beat_of(path: Path) -> int | None:
    """When a lock was last touched; None where it is gone."""
    try:
        with path.open("rb") as file:  # Opening it asks the file server, and not a cache.
            return os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None
    except PermissionError:
        return path.stat().st_mtime_ns if path.exists() else None


def _seconds_since_beat(path: Path, seen: _Seen) -> float:
    """Age of the lock by the clock of the file server, read off a file made just now."""
    with tempfile.TemporaryFile(dir=path.parent, prefix=f"{path.name}-clock-") as probe:
        now = os.fstat(probe.fileno()).st_mtime_ns
    return (now - seen.beat) / 1e9


def _beat(held: dict[Path, str], stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        for path, token in held.items():
            with suppress(OSError, InputError):
                seen = _read(path)
                if seen is not None and seen.token == token:
                    os.utime(path)
