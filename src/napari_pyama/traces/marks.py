"""What a person said of traces, with undo."""

from collections.abc import Iterable, Mapping
from pathlib import Path

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
