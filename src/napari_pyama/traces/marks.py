"""What a person said of traces, with undo."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from pyama_core.errors import InputError
from pyama_core.io.inspection import save_marks

Mark = bool | None
"""Good, not good, or no mark."""

_Edit = dict[tuple[Path, int], tuple[Mark, Mark]]
"""Marks before and after, by table and cell."""


class Marks:
    """Marks of the traces of one FOV.

    Parameters
    ----------
    saved
        Marks by cell of every trace table.
    """

    def __init__(self, saved: Mapping[Path, Mapping[int, bool]]) -> None:
        self._marks = {path: dict(marks) for path, marks in saved.items()}
        self._done: list[_Edit] = []
        self._undone: list[_Edit] = []

    def of(self, path: Path) -> dict[int, bool]:
        """Return the marks of one table, good or not by cell."""
        return self._marks.get(path, {})

    @property
    def can_undo(self) -> bool:
        """Whether there is a mark to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether a mark was taken back."""
        return bool(self._undone)

    def mark(self, paths: Iterable[Path], cell: int, good: bool) -> set[Path]:
        """Mark a cell in some tables; return those in which that changes a mark."""
        edit: _Edit = {
            (path, cell): (self.of(path).get(cell), good)
            for path in paths
            if self.of(path).get(cell) != good
        }
        if not edit:
            return set()
        self._done.append(edit)
        self._undone.clear()
        return self._apply({key: after for key, (_, after) in edit.items()})

    def undo(self) -> set[Path]:
        """Take the last mark back; return the tables it was in."""
        if not self._done:
            return set()
        edit = self._done.pop()
        self._undone.append(edit)
        return self._apply({key: before for key, (before, _) in edit.items()})

    def redo(self) -> set[Path]:
        """Give the mark again that was taken back last; return the tables it is in."""
        if not self._undone:
            return set()
        edit = self._undone.pop()
        self._done.append(edit)
        return self._apply({key: after for key, (_, after) in edit.items()})

    def _apply(self, marks: Mapping[tuple[Path, int], Mark]) -> set[Path]:
        for (path, cell), mark in marks.items():
            of_table = self._marks.setdefault(path, {})
            if mark is None:
                of_table.pop(cell, None)
            else:
                of_table[cell] = mark
        return {path for path, _ in marks}


_INTERVAL_S: Final = 0.0005

_lock = threading.Lock()
_usual: list[float] = []


@contextmanager
def giving_way() -> Iterator[None]:
    """Have threads take turns ten times as often as usual inside the block.

    The GUI thread lets go of the interpreter in almost every call of Qt, and would get it back
    only 5 ms later, so that a callback of 10 ms takes 200 ms while a table is read.
    """
    with _lock:
        _usual.append(sys.getswitchinterval() if not _usual else _usual[0])
        sys.setswitchinterval(_INTERVAL_S)
    try:
        yield
    finally:
        with _lock:
            usual = _usual.pop()
            if not _usual:
                sys.setswitchinterval(usual)


OnFailure = Callable[[InputError], None]
"""Called in another thread with what is to be said to the user."""

_LET_DRAW_S: Final = 0.15
"""The changed plot is drawn first; marks that follow each other closely are written once."""

_newest: dict[Path, dict[int, bool]] = {}
_pending: "set[Future[None]]" = set()


def save_soon(path: Path, marks: Mapping[int, bool], on_failure: OnFailure) -> None:
    """Have the inspected copy of a trace table written with these marks.

    Of several requests for one table that wait, only the newest is written. What waits when the
    program ends is still written.
    """
    with _lock:
        _newest[path] = dict(marks)
        future = _thread().submit(_save, path, on_failure)
        _pending.add(future)
    future.add_done_callback(_pending.discard)


def wait_for_saves() -> None:
    """Return when everything asked for so far is written; not on the GUI thread."""
    for future in list(_pending):
        future.exception()


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="pyama-marks")


def _save(path: Path, on_failure: OnFailure) -> None:
    time.sleep(_LET_DRAW_S)
    with _lock:
        marks = _newest.pop(path, None)
    if marks is None:
        return
    try:
        with giving_way():
            save_marks(path, marks)
    except InputError as error:
        on_failure(error)
    except OSError as error:
        reason = error.strerror or str(error)
        on_failure(
            InputError(
                f"Marks of {path.name} cannot be saved ({reason}): make the folder {path.parent} "
                "writable and mark again."
            )
        )
