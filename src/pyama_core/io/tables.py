"""Tables of columns as CSV files, without pandas: workers that write them start fast."""

from __future__ import annotations

import csv
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.errors import ReadError
from pyama_core.io.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from numpy.typing import NDArray

COMMENT: Final = "#"
"""What a line that is no data begins with."""

_ROWS_AT_ONCE: Final = 10_000
_FORMATS: Final = {"b": "%s", "i": "%d", "u": "%d", "f": "%.6f"}
_TRUTH: Final = {"True", "False"}
_NEEDS_QUOTES: Final = (",", '"', "\n", "\r")


def write_table(
    path: Path, table: Mapping[str, NDArray[Any]], *, comments: Sequence[str] = ()
) -> None:
    """Write columns of equal length as a CSV file that appears whole.

    Floats have six decimals (NaN: ``nan``), truth values are ``True`` and ``False``, lines end
    with LF.

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
    row = ",".join(_FORMATS.get(column.dtype.kind, "%s") for column in table.values()) + "\n"
    n_rows = len(next(iter(table.values()), ()))
    for start in range(0, n_rows, _ROWS_AT_ONCE):
        columns = [_values(column[start : start + _ROWS_AT_ONCE]) for column in table.values()]
        values = tuple(chain.from_iterable(zip(*columns, strict=True)))
        file.write(row * len(columns[0]) % values)


def read_table(path: Path) -> dict[str, NDArray[Any]]:
    """Read a CSV file into columns.

    Columns become int64, float64 (empty cells: NaN), bool (``True`` and ``False``) or, where
    they are none of these or wholly empty, text.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It is not a table: not text, without a header, or rows differ in length.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(line for line in file if not line.startswith(COMMENT)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReadError(f"{path} is not a CSV table: {error}. Choose a CSV file.") from None
    if not rows:
        raise ReadError(f"{path} is empty: a table has at least a line of column names.")
    header, *body = rows
    _check_lengths(path, header, body)
    columns: Sequence[Sequence[str]] = list(zip(*body, strict=True)) or [()] * len(header)
    return {name: _typed(column) for name, column in zip(header, columns, strict=True)}


def _values(column: NDArray[Any]) -> list[Any]:
    values: list[Any] = column.tolist()
    if column.dtype.kind in _FORMATS:
        return values
    quoted = {value: _quoted(str(value)) for value in set(values)}
    return [quoted[value] for value in values]


def _quoted(text: str) -> str:
    if not any(mark in text for mark in _NEEDS_QUOTES):
        return text
    return '"' + text.replace('"', '""') + '"'


def _check_lengths(path: Path, header: list[str], body: list[list[str]]) -> None:
    for number, row in enumerate(body, start=1):
        if len(row) != len(header):
            raise ReadError(
                f"{path} is damaged or not a table: row {number} has {len(row)} values for "
                f"{len(header)} columns. Make the file again or remove that row."
            )


def _typed(column: Sequence[str]) -> NDArray[Any]:
    """Parse a column as a whole, in the first type that all of it is of."""
    for parse in (_as_bool, _as_int, _as_float, _as_float_with_gaps):
        try:
            return parse(column)
        except (ValueError, OverflowError):
            continue
    return np.array(column, dtype=object)


def _as_bool(column: Sequence[str]) -> NDArray[Any]:
    if not column or not set(column[:1]) <= _TRUTH or not set(column) <= _TRUTH:
        raise ValueError
    return np.array([value == "True" for value in column])


def _as_int(column: Sequence[str]) -> NDArray[Any]:
    _check_no_separators(column)
    return np.fromiter(map(int, column), np.int64, len(column))


def _as_float(column: Sequence[str]) -> NDArray[Any]:
    _check_no_separators(column)
    return np.fromiter(map(float, column), np.float64, len(column))


def _as_float_with_gaps(column: Sequence[str]) -> NDArray[Any]:
    if not any(column):
        raise ValueError
    return _as_float([value or "nan" for value in column])


def _check_no_separators(column: Sequence[str]) -> None:
    """Keep names such as 1_0 from being read as numbers, as Python would."""
    if "_" in "".join(column):
        raise ValueError
