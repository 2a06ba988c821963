"""Who works on what: one lock file per FOV folder and one per index, alive while its heart beats.

A lock file is created exclusively, which works on network drives too. It names host, process
and process start. On the same host it is dead if that process is gone; on another host if it
was not touched for a minute by the file server's own clock.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from pyama_core.errors import InputError
from pyama_core.processing.workflow.output_folder import check_writable, unwritable

HEARTBEAT_SECONDS: Final = 10.0
STALE_SECONDS: Final = 60.0
_SECONDS_BETWEEN_TRIES: Final = 0.05


class FolderInUseError(InputError):
    """Another run works on a FOV."""


@contextmanager
def awaited_lock(path: Path) -> Iterator[None]:
    """Hold one lock while the block runs, after whoever holds it now.

    Raises
    ------
    InputError
        The folder of the lock cannot be made or written to.
    """
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(held_locks([path]))
                break
            except FolderInUseError:
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
    """
    held: list[Path] = []
    stop = threading.Event()
    beating = threading.Thread(target=_beat, args=(held, stop), daemon=True)
    try:
        for path in paths:
            _acquire_in_folder(path)
            held.append(path)
        beating.start()
        yield
    finally:
        stop.set()
        for path in held:
            path.unlink(missing_ok=True)
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
    for path in paths:
        check_writable(path.parent)
        _check_free(path)


def _acquire_in_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _acquire(path)
    except OSError as error:
        raise unwritable(path.parent, error) from None


def _acquire(path: Path) -> None:
    if _created(path):
        return
    _check_free(path)
    if not (_removed(path) and _created(path)):
        raise FolderInUseError(f"{path.parent} was just taken by another run: wait until it ends.")


def _check_free(path: Path) -> None:
    owner = _read_owner(path)
    if path.exists() and _is_alive(owner, path):
        who = f"process {owner['pid']} on {owner['host']}" if owner else "another run"
        raise FolderInUseError(
            f"{path.parent} is being worked on by {who}: "
            "wait until that run ends, or choose another output folder."
        )


def _removed(path: Path) -> bool:
    """Remove a dead lock; False where it is another run's by now."""
    grave = path.with_name(f"{path.name}-dead-{uuid.uuid4().hex}")
    try:
        path.rename(grave)
    except FileNotFoundError:
        return True
    if is_dead := not _is_alive(_read_owner(grave), grave):
        grave.unlink()
    else:
        grave.rename(path)
    return is_dead


def _created(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(_myself(), file)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True


def _myself() -> dict[str, Any]:
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "started": _start_of(pid)}


def _start_of(pid: int) -> float | None:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _read_owner(path: Path) -> dict[str, Any] | None:
    try:
        owner = json.loads(path.read_text())
        return {"host": owner["host"], "pid": owner["pid"], "started": owner["started"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_alive(owner: dict[str, Any] | None, path: Path) -> bool:
    """Whether a lock is held; one without a name in it was made just now, or long ago."""
    if owner is not None and owner["host"] == socket.gethostname():
        started = _start_of(owner["pid"])
        return started is not None and abs(started - owner["started"]) < 2.0
    return _seconds_since_beat(path) < STALE_SECONDS


def _seconds_since_beat(path: Path) -> float:
    """Age of the lock by the clock of the file server, read off a file touched just now."""
    probe = path.with_name(f"{path.name}-clock-{os.getpid()}")
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:
        return STALE_SECONDS
    finally:
        probe.unlink(missing_ok=True)


def _beat(paths: list[Path], stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        for path in paths:
            with suppress(OSError):
                os.utime(path)
