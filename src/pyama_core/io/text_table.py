"""CSV files as text, as programs and spreadsheets of any country write them."""

from __future__ import annotations

import codecs
import csv
import re
import stat
from array import array
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from pyama_core.columns import REASON
from pyama_core.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

COMMENT: Final = "#"
"""What a line begins with that is no data."""

_ROWS_AT_ONCE: Final = 10_000
_BYTES_AT_ONCE: Final = 1 << 20
"""How much is checked at once; a line that fills it is no line of a table."""
_SHOWN_CHARACTERS: Final = 40
_COMMENTS: Final = (f"{COMMENT} ", f'"{COMMENT} ')
"""Above the columns the space may be missing; below, that is a value such as #N/A."""
_DELIMITERS: Final = ",;\t|"
_NAMED_DELIMITER: Final = re.compile(r'"?sep=(.)"?[\s,;]*', re.IGNORECASE)
_QUOTED: Final = re.compile(r'"[^"]*"')
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, the longer of two that begin alike first."""


@dataclass(frozen=True)
class TextRows:
    """The rows of a table while it is read, each as long as the header."""

    header: list[str]
    rows: Iterator[list[str]]
    delimiter: str
    lines: array[int]
    """The line of the file that each row so far stands in, from 1."""


@dataclass(frozen=True)
class TextTable:
    """A table as text.

    Attributes
    ----------
    header
        Names of the columns.
    parts
        Columns of some rows at once: a table that is parsed as a whole keeps all other threads
        of a program waiting, that of its window too.
    delimiter
        What stands between the values of a row.
    lines
        The line of the file that each row stands in, from 1.
    """

    path: Path
    header: list[str]
    parts: list[list[tuple[str, ...]]] = field(repr=False)
    delimiter: str
    lines: array[int] = field(repr=False)

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> list[tuple[str, ...]]:
        """Return the parts of a column."""
        at = self.header.index(name)
        return [part[at] for part in self.parts]

    def values(self, name: str) -> Iterator[str]:
        """Yield the values of a column."""
        return chain.from_iterable(self.column(name))

    def error(self, name: str, row: int, problem: str) -> ReadError:
        """Return an error that names the column, the row and the value that are meant."""
        value = next(islice(self.values(name), row, None))
        return ReadError(
            f'{self.path} cannot be read: column "{shortened(name)}", row {row + 1} '
            f'(line {self.lines[row]} of the file) holds "{shortened(value)}", {problem}.'
        )


def shortened(text: str, most: int = _SHOWN_CHARACTERS) -> str:
    """Return text for a message: one line, the end left out where it is long."""
    printable = "".join(c if c.isprintable() else " " for c in text[:most])
    return printable if len(text) <= most else f"{printable}..."


def read_text_table(path: Path, *, skip_empty: bool = False) -> TextTable:
    """Read a CSV file as text.

    Byte order marks, UTF-16, Latin-1, quotes, any line ends, lines without values, a line
    ``sep=;`` and lines that begin with ``#`` are understood; values may stand between commas,
    semicolons, tabs or ``|``.

    Parameters
    ----------
    path
        The file.
    skip_empty
        Leave out rows in which every value is empty.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It is not a table: not text, without a header, or rows differ in length.
    """
    with open_rows(path, skip_empty=skip_empty) as table:
        parts = list(_parts(table.rows))
        return TextTable(path, table.header, parts, table.delimiter, table.lines)


@contextmanager
def open_rows(
    path: Path, *, skip_empty: bool = False, only_header: bool = False
) -> Iterator[TextRows]:
    """Open a CSV file to read its rows as text one after the other; see `read_text_table`.

    Where only the header is wanted, the rest of the file is not checked.

    Yields
    ------
    TextRows
        Header and rows.
    """
    encoding, is_ended = _examine(path, only_begin=only_header)
    try:
        with path.open(encoding=encoding, newline="") as file:
            yield _rows_of(_Source(path, is_ended, skip_empty), file)
    except (UnicodeError, csv.Error) as error:
        raise ReadError(f"{path} is not a CSV table: {error}. Choose a CSV file.") from None


def read_header(path: Path) -> list[str]:
    """Return the names of the columns of a CSV file."""
    with open_rows(path, only_header=True) as table:
        return table.header


def decoded(content: bytes) -> str:
    """Return bytes as text: what a byte order mark says, else UTF-8, else Latin-1.

    Raises
    ------
    UnicodeError
        They do not follow their byte order mark.
    """
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise
        return content.decode("latin-1")


def check_regular(path: Path) -> None:
    """Raise ReadError for a folder, a device or a pipe, which can be endless.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ReadError(f"{path} is no file that can be read: it is a folder, a device or a pipe.")


def is_plain(path: Path) -> bool:
    """Return whether a CSV file is written as this program writes: UTF-8, commas, no mark."""
    encoding, _ = _examine(path, only_begin=True)
    if encoding != "utf-8":
        return False
    with path.open(encoding=encoding, newline="") as file:
        first = file.readline()
    return _delimiter_of(first) == "," and not first.startswith((COMMENT, "sep=", '"'))


def _examine(path: Path, *, only_begin: bool = False) -> tuple[str, bool]:
    """Find the encoding, and whether the last line has an end; refuse what is no text."""
    check_regular(path)
    encoding, last = "", b""
    with path.open("rb") as file:
        while chunk := file.read(_BYTES_AT_ONCE):
            if not encoding:
                encoding = next((name for mark, name in _MARKS if chunk.startswith(mark)), "utf-8")
                decoder = codecs.getincrementaldecoder("utf-8")()
            _check_chunk(path, chunk, encoding)
            last = chunk[-4:]
            if encoding == "utf-8":
                encoding = _if_utf8(decoder, chunk)
            if only_begin:
                break
    return encoding or "utf-8", last.rstrip(b"\0").endswith((b"\n", b"\r"))


def _if_utf8(decoder: codecs.IncrementalDecoder, chunk: bytes) -> str:
    """Take what is not UTF-8 for Latin-1, which older spreadsheets write."""
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _check_chunk(path: Path, chunk: bytes, encoding: str) -> None:
    if encoding in ("utf-8", "utf-8-sig", "latin-1") and b"\0" in chunk:
        raise ReadError(
            f"{path} is not a CSV table: it holds bytes of zero. It is damaged or of another "
            "kind: copy or export it again."
        )
    if len(chunk) == _BYTES_AT_ONCE and b"\n" not in chunk and b"\r" not in chunk:
        raise ReadError(f"{path} is not a CSV table: a line is longer than {_BYTES_AT_ONCE} bytes.")


class _Lines:
    """Yields the lines that are no comments, and knows the number of the last."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.number += 1
            if not line.startswith(_COMMENTS):
                yield line


@dataclass(frozen=True)
class _Source:
    path: Path
    is_ended: bool
    """Whether its last line has an end."""
    skip_empty: bool


def _rows_of(source: _Source, file: TextIO) -> TextRows:
    lines = _Lines(file)
    each = iter(lines)
    filled = (line for line in each if line.strip() and not line.lstrip('"').startswith(COMMENT))
    first = next(filled, "")
    named = _NAMED_DELIMITER.fullmatch(first.strip("\r\n"))
    if named:
        first = next(filled, "")
    delimiter = named[1] if named else _delimiter_of(first)
    reader = csv.reader(chain([first], each), delimiter=delimiter, strict=True)
    header = _checked_header(source.path, next(reader, []))
    numbers: array[int] = array("Q")
    rows = _fitted_rows(source, header, reader, lines, numbers)
    return TextRows(header, rows, delimiter, numbers)


def _delimiter_of(header: str) -> str:
    return max(_DELIMITERS, key=_QUOTED.sub("", header).count)


def _checked_header(path: Path, header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise ReadError(f"{path} is empty: a table has at least a line of column names.")
    if not all(map(str.isprintable, names)):
        raise ReadError(f"{path} is not a CSV table: its first line is no text. Choose a CSV file.")
    twice = next((name for name, n in Counter(names).items() if name and n > 1), None)
    if twice is not None:
        raise ReadError(
            f'{path} has two columns "{shortened(twice)}": remove one, or give it another name.'
        )
    return names


def _fitted_rows(
    source: _Source,
    header: list[str],
    reader: Iterator[list[str]],
    lines: _Lines,
    numbers: array[int],
) -> Iterator[list[str]]:
    n, is_cut = len(header), False
    for row in reader:
        is_cut = bool(row) and len(row) < n
        if _is_blank(row, n) or (source.skip_empty and not any(map(str.strip, row))):
            is_cut = False
            continue
        if len(row) != n:
            row = _fitted(source.path, header, row, len(numbers), lines.number)
        numbers.append(lines.number)
        yield row
    if is_cut and not source.is_ended:
        raise ReadError(f"{source.path} ends within a line: copy or export it again.")


def _is_blank(row: list[str], n_columns: int) -> bool:
    return not row or (len(row) == 1 < n_columns and not row[0].strip())


def _fitted(path: Path, header: list[str], row: list[str], i: int, line: int) -> list[str]:
    """Cut empty values after the last column; add those that spreadsheets leave out."""
    n = len(header)
    if len(row) > n and not "".join(row[n:]).strip():
        return row[:n]
    if len(row) < n and {*header[len(row) :]} <= {REASON}:
        return row + [""] * (n - len(row))
    raise ReadError(
        f"{path} is damaged or not a table: row {i + 1} has {len(row)} values for {n} columns "
        f"(line {line} of the file). Make the file again or remove that row."
    )


def _parts(rows: Iterator[list[str]]) -> Iterator[list[tuple[str, ...]]]:
    while block := list(islice(rows, _ROWS_AT_ONCE)):
        yield list(zip(*block, strict=True))
