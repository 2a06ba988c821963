"""Columns of text as numbers and truth values; what is neither is named by column and row."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.columns import TEXT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pyama_core.io.text_table import TextTable

    _Part = Sequence[str]


_TRUE: Final = """
    true wahr vrai verdadero vero verdadeiro waar sant sand sann tosi prawda pravda igaz adevărat
    doğru cert истина істина αληθησ αληθεσ
"""
"""Excel and LibreOffice in English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish,
Danish, Norwegian, Finnish, Polish, Czech, Hungarian, Romanian, Turkish, Catalan, Russian,
Ukrainian and Greek, without capitals."""

_FALSE: Final = """
    false falsch faux falso onwaar falskt falsk usann epätosi fałsz nepravda hamis fals
    yanlış yanliş ложь хибність хиба ψευδησ ψευδεσ
"""

_YES: Final = "t y yes j ja oui si sí sì sim tak да"
_NO: Final = "f n no nein non não nee nej nei nie нет"
"""What people type, and the letters of R."""

_WORDS: Final = {
    **dict.fromkeys((_TRUE + _YES).split(), True),
    **dict.fromkeys((_FALSE + _NO).split(), False),
}

ALLOWED: Final = "TRUE or FALSE, yes or no, 1 or 0"
"""For messages."""


def folded(text: str) -> str:
    """Return text as the words here are written: without spaces around it and capitals."""
    return text.strip().casefold().replace("i\u0307", "i")


def truth_of(text: str) -> bool | None:
    """Return whether text means true or false; None where it means neither.

    Examples
    --------
    >>> truth_of(" WAHR "), truth_of("F"), truth_of("1,0"), truth_of("maybe")
    (True, False, True, None)
    """
    word = folded(text)
    known = _WORDS.get(word)
    return known if known is not None else _number(word)


def _number(word: str) -> bool | None:
    if "_" in word:
        return None
    try:
        value = float(word.replace(",", "."))
    except ValueError:
        return None
    return {0.0: False, 1.0: True}.get(value)


_MISSING: Final = frozenset(("", "NA", "N/A", "#N/A", "#NV", "#NA", "<NA>", "NULL", "null", "None"))
"""What pandas, R and spreadsheets write where there is no value, besides ``nan``."""

_BOOLS: Final = {"true": True, "false": False}
_COMMA: Final = re.compile(r"\s*[+-]?\d*(,\d+)?([eE][+-]?\d+)?\s*", re.ASCII)
"""A number with a decimal comma, or a whole one."""
_DECIMAL_COMMA: Final = re.compile(r"[+-]?(0*,\d|\d+,(\d{1,2}|\d{4,})(?!\d)|\d{4,},\d)", re.ASCII)
"""Begins as no number with a comma between its thousands does."""
_THOUSANDS: Final = re.compile(r"\s*[+-]?[1-9]\d{0,2}([.,]\d{3})+\s*", re.ASCII)
_AMBIGUOUS: Final = (
    "of which nothing tells whether the sign is for decimals or thousands: export the table "
    "with decimal points and without signs for thousands"
)


def typed(table: TextTable, name: str) -> NDArray[Any]:
    """Return a column in the first type that all of it is of.

    int64, float64 (empty values: NaN), bool (true and false in any letters), else text. Where it is
    wholly empty it is text if it is one of `TEXT_COLUMNS`, else float64.
    """
    parts = table.column(name)
    if parts and not any(map(any, parts)):
        return texts(table, name) if name in TEXT_COLUMNS else np.full(len(table), np.nan)
    for parse in (_as_bool, _as_int, _as_float, _as_float_with_gaps):
        column = _parsed(parts, parse)
        if column is not None:
            _check_points(table, name, column)
            return column
    column = _parsed(parts, _as_decimal_comma)
    if column is None:
        return texts(table, name)
    _check_commas(table, name)
    return column


def texts(table: TextTable, name: str) -> NDArray[Any]:
    """Return a column as text."""
    return np.array([*table.values(name)], dtype=object)


def numbers(table: TextTable, name: str) -> NDArray[np.float64]:
    """Return a column as float64, NaN where a value is missing.

    Raises
    ------
    ReadError
        A value is no number; names its column and row.
    """
    column = typed(table, name)
    if column.dtype.kind in "iuf":
        return column.astype(np.float64)
    values = list(table.values(name))
    wrong = next((i for i, value in enumerate(values) if not _is_number(value)), None)
    if wrong is None and any(value not in _MISSING for value in values):
        wrong = next(i for i, value in enumerate(values) if "," in value)
        raise table.error(name, wrong, "while other numbers of that column have a decimal point")
    if wrong is not None:
        raise table.error(name, wrong, "which is not a number")
    return np.full(len(table), np.nan)


def whole_numbers(table: TextTable, name: str) -> NDArray[np.int64]:
    """Return a column as int64; every value is a whole number of 0 or more.

    Raises
    ------
    ReadError
        A value is none; names its column and row.
    """
    column = typed(table, name)
    if column.dtype.kind not in "iuf":
        column = numbers(table, name)
    with np.errstate(invalid="ignore"):
        right = (column >= 0) & (column < 2.0**53) & (np.floor(column) == column)
    if not right.all():
        wrong = int(np.argmin(right))
        raise table.error(name, wrong, "which is not a whole number of 0 or more")
    return column.astype(np.int64)


def truths(table: TextTable, name: str) -> NDArray[np.bool_]:
    """Return a column as truth values, however they are written.

    Raises
    ------
    ReadError
        A value is neither true nor false; names its column and row.
    """
    known = {value: truth_of(value) for part in table.column(name) for value in set(part)}
    if None in known.values():
        wrong = next(i for i, value in enumerate(table.values(name)) if known[value] is None)
        raise table.error(name, wrong, f"which is neither true nor false: write {ALLOWED}")
    return np.fromiter((bool(known[value]) for value in table.values(name)), bool, len(table))


def _parsed(parts: Sequence[_Part], parse: Callable[[_Part], NDArray[Any]]) -> NDArray[Any] | None:
    with suppress(ValueError, OverflowError):
        return np.concatenate([parse(part) for part in parts or [()]])
    return None


def _as_bool(column: _Part) -> NDArray[Any]:
    words = {value: _BOOLS.get(folded(value)) for value in column[:1]}
    if not words or None in words.values():
        raise ValueError
    words |= {value: _BOOLS.get(folded(value)) for value in {*column}}
    if None in words.values():
        raise ValueError
    return np.array([bool(words[value]) for value in column])


def _as_int(column: _Part) -> NDArray[Any]:
    _check_no_separators(column)
    return np.fromiter(map(int, column), np.int64, len(column))


def _as_float(column: _Part) -> NDArray[Any]:
    _check_no_separators(column)
    values = np.fromiter(map(float, column), np.float64, len(column))
    for i in np.flatnonzero(np.isinf(values)).tolist():
        if "inf" not in column[i].lower():
            raise OverflowError
    return values


def _as_float_with_gaps(column: _Part) -> NDArray[Any]:
    return _as_float(["nan" if value.strip() in _MISSING else value for value in column])


def _check_no_separators(column: _Part) -> None:
    """Keep names such as 1_0 from being read as numbers, as Python would."""
    if "_" in "".join(column):
        raise ValueError


def _as_decimal_comma(column: _Part) -> NDArray[Any]:
    return _as_float([_point_of(value) for value in column])


def _point_of(value: str) -> str:
    if value.strip() in _MISSING:
        return "nan"
    if not _COMMA.fullmatch(value):
        raise ValueError
    return value.replace(",", ".")


def _check_commas(table: TextTable, name: str) -> None:
    """Refuse commas that may stand between thousands.

    Semicolons between the values of a row or another number of the table speak for decimals.
    """
    if table.delimiter != ";" and not _has_decimal_comma(table):
        raise table.error(name, _first(table, name, _THOUSANDS.fullmatch), _AMBIGUOUS)


def _check_points(table: TextTable, name: str, column: NDArray[Any]) -> None:
    """Refuse points that may stand between thousands, in a table with decimal commas."""
    if table.delimiter == "," or column.dtype.kind != "f":
        return
    pointed = [value for value in table.values(name) if "." in value]
    if pointed and all(map(_THOUSANDS.fullmatch, pointed)) and _has_decimal_comma(table):
        raise table.error(name, _first(table, name, _THOUSANDS.fullmatch), _AMBIGUOUS)


def _has_decimal_comma(table: TextTable) -> bool:
    """Return whether a number of the table has a comma that can only be for decimals."""
    values = chain.from_iterable(chain.from_iterable(table.parts))
    return any("," in v and _COMMA.fullmatch(v) and _DECIMAL_COMMA.match(v.strip()) for v in values)


def _first(table: TextTable, name: str, matches: Callable[[str], object]) -> int:
    return next((i for i, value in enumerate(table.values(name)) if matches(value)), 0)


def _is_number(value: str) -> bool:
    with suppress(ValueError, OverflowError):
        return bool(len(_as_float_with_gaps([value])))
    with suppress(ValueError, OverflowError):
        return bool(len(_as_float([_point_of(value)])))
    return False
