"""Marks of an inspection: saved, and whether table and record agree afterwards."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pyama_core.columns import CELL, GOOD
from pyama_core.io.inspection import load_marks, save_marks
from pyama_core.io.results import read_results
from pyama_core.io.traces import read_traces

OLD_MARKS: Final = {1: False, 2: False}
NEW_MARKS: Final = {1: True, 2: False}


def save_some_marks(folder: Path, marks: Mapping[int, bool] = NEW_MARKS) -> int:
    """Give marks to the cells of every FOV; return 0, the exit code of a command."""
    for table in _tables(folder):
        save_marks(table, marks)
    return 0


def check_marks(folder: Path) -> list[str]:
    """Say where what is shown of a trace is not what was marked."""
    return [
        f"{table.name}: marks and table differ"
        for table in _tables(folder)
        if _shown(table) != load_marks(table)
    ]


def check_old_or_new(folder: Path) -> list[str]:
    """Say where marks are neither those before nor those after saving."""
    return [
        f"{table.name}: marks are lost"
        for table in _tables(folder)
        if load_marks(table) not in (OLD_MARKS, NEW_MARKS)
    ] + check_marks(folder)


def _tables(folder: Path) -> Iterator[Path]:
    for files in read_results(folder).fovs.values():
        for _, path in files.traces_csv:
            yield path


def _shown(table: Path) -> dict[int, bool]:
    shown = read_traces(table).table
    return dict(zip(shown[CELL].tolist(), shown[GOOD].tolist(), strict=True))
