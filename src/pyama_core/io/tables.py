"""Tables of columns as CSV files, without pandas: workers that write them start fast."""

from __future__ import annotations

import csv
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.errors import ReadError
from pyama_core.io.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from numpy.typing import NDArray

    _Part = Sequence[str]

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
            rows = csv.reader(line for line in file if not line.startswith(COMMENT))
            header = next(rows, None)
            if header is None:
                raise ReadError(f"{path} is empty: a table has at least a line of column names.")
            blocks = list(_blocks(path, len(header), rows))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReadError(f"{path} is not a CSV table: {error}. Choose a CSV file.") from None
    columns = zip(*blocks, strict=True) if blocks else [[()]] * len(header)
    return {name: _typed(parts) for name, parts in zip(header, columns, strict=True)}


def _blocks(path: Path, n_columns: int, rows: Iterator[list[str]]) -> Iterator[list[_Part]]:
    """Turn rows to parts of columns, some rows at once.

    A table that is turned as a whole keeps all other threads waiting: a window, for one.
    """
    n_before = 0
    while block := list(islice(rows, _ROWS_AT_ONCE)):
        _check_lengths(path, n_columns, block, n_before)
        n_before += len(block)
        yield list(zip(*block, strict=True))


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


def _check_lengths(path: Path, n_columns: int, rows: list[list[str]], n_before: int) -> None:
    for number, row in enumerate(rows, start=n_before + 1):
        if len(row) != n_columns:
            raise ReadError(
                f"{path} is damaged or not a table: row {number} has {len(row)} values for "
                f"{n_columns} columns. Make the file again or remove that row."
            )


def _typed(parts: Sequence[_Part]) -> NDArray[Any]:
    """Parse the parts of a column in the first type that all of it is of."""
    if not any(parts) or any(map(any, parts)):
        for parse in (_as_bool, _as_int, _as_float, _as_float_with_gaps):
            with suppress(ValueError, OverflowError):
                return np.concatenate([parse(part) for part in parts])
    return np.array([*chain.from_iterable(parts)], dtype=object)


def _as_bool(column: _Part) -> NDArray[Any]:
    if not column or not set(column[:1]) <= _TRUTH or not set(column) <= _TRUTH:
        raise ValueError
    return np.array([value == "True" for value in column])


def _as_int(column: _Part) -> NDArray[Any]:
    _check_no_separators(column)
    return np.fromiter(map(int, column), np.int64, len(column))


def _as_float(column: _Part) -> NDArray[Any]:
    _check_no_separators(column)
    return np.fromiter(map(float, column), np.float64, len(column))


def _as_float_with_gaps(column: _Part) -> NDArray[Any]:
    return _as_float([value or "nan" for value in column])


def _check_no_separators(column: _Part) -> None:
    """Keep names such as 1_0 from being read as numbers, as Python would."""
    if "_" in "".join(column):
        raise ValueError
