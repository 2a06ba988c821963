"""Tables of columns as CSV files, without pandas: workers that write them start fast."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.io.atomic import atomic_write
from pyama_core.io.column_types import typed
from pyama_core.io.text_table import COMMENT, read_text_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from numpy.typing import NDArray

_ROWS_AT_ONCE: Final = 10_000
_FORMATS: Final = {"b": "%s", "i": "%d", "u": "%d", "f": "%.6f"}
_NEEDS_QUOTES: Final = (",", '"', "\n", "\r")


def write_table(
    path: Path, table: Mapping[str, NDArray[Any]], *, comments: Sequence[str] = ()
) -> None:
    """Write columns of equal length as a CSV file that appears whole.

    Floats have six decimals, NaN is left empty, truth values are ``True`` and ``False``, lines
    end with LF.

    Parameters
    ----------
    path
        Final name.
    table
        Columns by name, in the order in which they are written.
    comments
        Lines to stand before the header, each after a ``#``.
    """
    with (
        atomic_write(path) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        file.writelines(f"{COMMENT} {comment}\n" for comment in comments)
        file.write(header_line(table))
        write_rows(file, table)


def header_line(table: Mapping[str, Any]) -> str:
    """Return the line of column names."""
    return ",".join(_quoted(name) for name in table) + "\n"


def write_rows(file: TextIO, table: Mapping[str, NDArray[Any]]) -> None:
    """Write the rows of a table, without its header."""
    n_rows = len(next(iter(table.values()), ()))
    for start in range(0, n_rows, _ROWS_AT_ONCE):
        parts = [column[start : start + _ROWS_AT_ONCE] for column in table.values()]
        row = ",".join(map(_format, parts)) + "\n"
        values = tuple(chain.from_iterable(zip(*map(_values, parts), strict=True)))
        file.write(row * len(parts[0]) % values)


def formatted(column: NDArray[Any]) -> list[str]:
    """Return the values of a column as they stand in a file, without quotes; NaN is empty."""
    form = _FORMATS.get(column.dtype.kind, "%s")
    if _has_gaps(column):
        return ["" if np.isnan(value) else form % value for value in column.tolist()]
    return [form % value for value in column.tolist()]


def read_table(path: Path) -> dict[str, NDArray[Any]]:
    """Read a CSV file into columns.

    Columns become int64, float64 (empty cells: NaN), bool (``True`` and ``False`` in any letters)
    or, where they are none of these, text. A wholly empty column is text if it is one of
    `TEXT_COLUMNS`, else float64.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It is not a table: not text, without a header, or rows differ in length.
    """
    table = read_text_table(path)
    return {name: typed(table, name) for name in table.header}


def _has_gaps(column: NDArray[Any]) -> bool:
    return column.dtype.kind == "f" and bool(np.isnan(column).any())


def _format(column: NDArray[Any]) -> str:
    return "%s" if _has_gaps(column) else _FORMATS.get(column.dtype.kind, "%s")


def _values(column: NDArray[Any]) -> list[Any]:
    if _has_gaps(column):
        return formatted(column)
    values: list[Any] = column.tolist()
    if column.dtype.kind in _FORMATS:
        return values
    quoted = {value: _quoted(str(value)) for value in set(values)}
    return [quoted[value] for value in values]


def _quoted(text: str) -> str:
    if not any(mark in text for mark in _NEEDS_QUOTES):
        return text
    return '"' + text.replace('"', '""') + '"'
