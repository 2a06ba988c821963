"""Trace and lineage tables as they are in their files, checked column by column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.columns import (
    AREA,
    BBOX,
    CELL,
    CHANNEL,
    FIRST_FRAME,
    FOV,
    FRAME,
    GOOD,
    LAST_FRAME,
    PARENT,
    PIXEL_SIZE,
    POSITION_X,
    POSITION_Y,
    REASON,
    TIME,
)
from pyama_core.errors import ReadError
from pyama_core.io.column_types import numbers, texts, truths, typed, whole_numbers
from pyama_core.io.text_table import TextTable, read_text_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

Table = dict[str, "NDArray[Any]"]
"""Columns of equal length by name."""

_WHOLE: Final = frozenset((FOV, CHANNEL, CELL, FRAME))
_OF_LINEAGE: Final = (CELL, PARENT, FIRST_FRAME, LAST_FRAME)
_NUMBERS: Final = frozenset((TIME, POSITION_X, POSITION_Y, AREA, PIXEL_SIZE, *BBOX))
_MEASURED: Final = re.compile(r"intensity.*|.+_ch_\d{1,9}", re.ASCII)
_ROW_KEYS: Final = (FOV, CHANNEL, CELL, FRAME)
_LEAST_NUMBERS: Final = 0.5
"""Share of the values of a column that are numbers from which on all have to be."""


def read_trace_table(path: Path) -> Table:
    """Read a trace table with its types: whole numbers, numbers, truth values and text.

    Cell, frame and what else counts things are int64, times, positions and features numbers, with
    NaN where a value is missing, `good` bool. Rows without any value are left out.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It is no trace table, or a value cannot be what its column holds; names column and row.
    """
    text = read_text_table(path, skip_empty=True)
    check_is_trace_table(path, text.header)
    table = {name: _column(text, name) for name in text.header if name}
    _check_rows_differ(text, table)
    return table


def read_lineage_table(path: Path) -> Table:
    """Read a lineage table: who is whose daughter, and when each cell was seen.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It is no lineage table, or a value cannot be what its column holds; names column and row.
    """
    text = read_text_table(path, skip_empty=True)
    missing = next((name for name in _OF_LINEAGE if name not in text.header), None)
    if missing is not None:
        raise ReadError(f'{path} is no lineage table: it has no column "{missing}".')
    return {
        name: whole_numbers(text, name) if name in _OF_LINEAGE else typed(text, name)
        for name in text.header
        if name
    }


def check_is_trace_table(path: Path, names: Iterable[str]) -> None:
    """Raise ReadError unless a table with these columns is of traces."""
    if not {CELL, FRAME} <= {*names}:
        raise ReadError(
            f"{path} is no trace table: it has no columns {CELL} and {FRAME}. "
            "Choose a traces CSV of a results folder."
        )


def row_keys(table: Table) -> Iterator[tuple[int, int]]:
    """Yield cell and frame of each row."""
    return zip(table[CELL].tolist(), table[FRAME].tolist(), strict=True)


def _column(text: TextTable, name: str) -> NDArray[Any]:
    if name in _WHOLE:
        return whole_numbers(text, name)
    if name == GOOD:
        return truths(text, name)
    if name == REASON:
        return _reasons(text)
    column = typed(text, name)
    if column.dtype.kind in "iuf":
        return column
    return numbers(text, name) if _should_be_numbers(text, name) else column


def _should_be_numbers(text: TextTable, name: str) -> bool:
    """Tell a column of numbers, of which some are damaged, from one of text."""
    if name in _NUMBERS or _MEASURED.fullmatch(name):
        return True
    values = [value for value in text.values(name) if value]
    n_numbers = sum(value[-1:].isdigit() and value[:1] in "+-.0123456789" for value in values)
    return n_numbers > _LEAST_NUMBERS * len(values)


def _reasons(text: TextTable) -> NDArray[Any]:
    reasons = texts(text, REASON)
    reasons[np.isin(reasons, ("NA", "nan", "NaN"))] = ""
    return reasons


def _check_rows_differ(text: TextTable, table: Table) -> None:
    """Refuse two rows of a cell in one frame, of which nothing tells the right one."""
    keys = np.column_stack([table[name] for name in _ROW_KEYS if name in table])
    order = np.lexsort(keys.T)
    same = (keys[order[1:]] == keys[order[:-1]]).all(axis=1)
    if same.any():
        row = int(order[1:][same].min())
        raise text.error(
            FRAME, row, f"for which cell {table[CELL][row]} has another row already: remove one"
        )
