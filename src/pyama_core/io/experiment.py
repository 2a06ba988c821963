"""The traces of a whole experiment in one tidy table."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyama_core.columns import (
    CELL,
    CHANNEL,
    CHANNEL_NAME,
    CORRECTED,
    FOV,
    FRAME,
    GOOD,
    PIXEL_SIZE,
    POSITION_NAME,
    REASON,
    TRACE_COLUMNS,
)
from pyama_core.errors import InputError, ReadError, sentence_of
from pyama_core.io.atomic import atomic_write
from pyama_core.io.column_types import truth_of
from pyama_core.io.decisions import Decisions, decide_rows, decided_table
from pyama_core.io.inspection import read_inspected
from pyama_core.io.tables import formatted
from pyama_core.io.text_table import check_regular, is_plain, open_rows, read_header, shortened
from pyama_core.io.trace_table import check_is_trace_table, read_trace_table
from pyama_core.io.traces import names_of
from pyama_core.io.untrusted import check_no_link
from pyama_core.messages import Message, warnings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pyama_core.io.results import ResultsIndex

_WHOLE_NUMBERS: Final = (FOV, CHANNEL, CELL, FRAME)
_LONGEST_REASON: Final = 160
"""Characters; libraries quote the value at fault, however long it is."""
_UNREADABLE: Final = (ReadError, FileNotFoundError, PermissionError)
"""What is wrong with one table; anything else is wrong with the disk."""
_TRUTHS: Final = frozenset(("True", "False"))
_TEXTS: Final = (POSITION_NAME, CHANNEL_NAME, REASON)


@dataclass(frozen=True)
class _Source:
    """One channel of one trace table, and what to say of all its rows."""

    path: Path
    names: dict[str, str]
    constants: dict[str, str]
    decisions: Decisions


def write_experiment_table(
    index: ResultsIndex,
    path: Path,
    *,
    position_names: Sequence[str] = (),
    channel_names: Sequence[str] = (),
    pixel_size_um: float | None = None,
) -> list[Message]:
    """Write the traces of a whole experiment as one CSV file.

    It has one row per cell, frame and channel. Only one trace table is in memory at a time. What a
    person decided about traces counts; a feature that was not measured in a channel is left empty.
    A trace table that cannot be read is left out.

    Parameters
    ----------
    index
        The results.
    path
        Final name of the table.
    position_names
        Name of each position of the experiment; ``fov_000`` and so on where there is none.
    channel_names
        Name of each channel of the experiment; the number where there is none.
    pixel_size_um
        Edge of a pixel, um; left empty where unknown.

    Returns
    -------
    list of Message
        What a user should know.
    """
    messages: list[Message] = []
    sources = []
    for fov, files in sorted(index.fovs.items()):
        for channel, traces in files.traces_csv:
            constants = {
                FOV: str(fov),
                POSITION_NAME: _name(position_names, fov, f"fov_{fov:03d}"),
                CHANNEL: str(channel),
                CHANNEL_NAME: _name(channel_names, channel, str(channel)),
                PIXEL_SIZE: "" if pixel_size_um is None else f"{pixel_size_um:.6f}",
            }
            try:
                sources.append(_source(traces, channel, constants, messages))
            except _UNREADABLE as error:
                messages += _left_out(path, error)
    _write(path, sources, messages)
    return messages


def write_parquet(table: Path) -> Path:
    """Write a copy of an experiment's table in the Parquet format beside it, in pieces.

    Raises
    ------
    FileNotFoundError
        There is no such table.
    InputError
        The package that writes Parquet is not installed.
    """
    if not table.exists():
        raise FileNotFoundError(f"There is no {table}: give the output folder of a run.")
    _check_whole(table)
    try:
        from pyarrow import ArrowException, parquet
        from pyarrow import csv as arrow_csv
    except ImportError:
        raise InputError(
            'Parquet needs the package pyarrow: pip install "napari-pyama[parquet]".'
        ) from None
    path = table.with_suffix(".parquet")
    options = arrow_csv.ConvertOptions(column_types=_types(read_header(table)))
    try:
        with (
            atomic_write(path) as partial,
            arrow_csv.open_csv(table, convert_options=options) as batches,
            parquet.ParquetWriter(partial, batches.schema) as writer,
        ):
            for batch in batches:
                writer.write_batch(batch)
    except ArrowException as error:
        raise _damaged(table, str(error)) from None
    return path


def _check_whole(table: Path) -> None:
    """Refuse a table that ends within a line, whose last number may have lost digits."""
    check_no_link(table)
    check_regular(table)
    with table.open("rb") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            raise _damaged(table, "it ends within a line")


def _damaged(table: Path, reason: str) -> ReadError:
    said = shortened(reason, _LONGEST_REASON)
    return ReadError(f"{table} is damaged ({said}): run the workflow again to have it anew.")


def _source(
    path: Path, channel: int, constants: dict[str, str], messages: list[Message]
) -> _Source:
    header = read_header(path)
    check_is_trace_table(path, header)
    inspected = read_inspected(path)
    messages += [message for message in inspected.messages if message not in messages]
    return _Source(path, names_of(header, channel), constants, inspected.decisions)


def _left_out(table: Path, error: Exception) -> list[Message]:
    return warnings_of([f"Traces are left out of {table.name}: {sentence_of(error)}"])


def _write(path: Path, sources: Sequence[_Source], messages: list[Message]) -> None:
    columns = _columns(sources)
    with atomic_write(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for source in sources:
            try:
                rows = _rows(source, columns)
            except _UNREADABLE as error:
                messages += _left_out(path, error)
                continue
            writer.writerows(rows)


def _columns(sources: Sequence[_Source]) -> list[str]:
    """Every column of any table: what names a row first, then as in the trace tables."""
    found = dict.fromkeys(name for source in sources for name in source.names)
    first = (FOV, POSITION_NAME, CHANNEL, CHANNEL_NAME)
    usual = [name for name in TRACE_COLUMNS if name in found and name != FOV]
    features = [n for n in found if n not in TRACE_COLUMNS and n != REASON]
    last = [REASON] if REASON in found else []
    return [*first, *usual, *features, *last, PIXEL_SIZE]


def _rows(source: _Source, columns: Sequence[str]) -> list[list[str]]:
    """Return the rows of one table as text: nothing is parsed, so nothing is rounded.

    Raises
    ------
    ReadError
        The table is damaged.
    """
    if not is_plain(source.path):
        table = decided_table(read_trace_table(source.path), source.decisions)
        cells = zip(*map(formatted, table.values()), strict=True)
        return _arranged(source, columns, list(table), map(list, cells))
    with open_rows(source.path, skip_empty=True) as text:
        rows = _with_decisions(source, text.header, text.rows)
        return _arranged(source, columns, text.header, rows)


def _with_decisions(
    source: _Source, header: list[str], rows: Iterator[list[str]]
) -> Iterator[list[str]]:
    """Write the truth as this program does, and what a person decided."""
    at = header.index(GOOD) if GOOD in header else None
    decide = decide_rows(header, source.decisions) if source.decisions else list
    for i, row in enumerate(rows, start=1):
        if at is not None and row[at] not in _TRUTHS:
            row[at] = str(truth_of(row[at]))
        try:
            decided = decide(row)
        except (ValueError, OverflowError):
            raise ReadError(f"{source.path} has no number of a cell in row {i}.") from None
        if at is not None and row[at] not in _TRUTHS:
            raise ReadError(f'{source.path} holds neither true nor false as "{GOOD}" in row {i}.')
        if decided is not None:
            yield decided


def _arranged(
    source: _Source, columns: Sequence[str], header: list[str], rows: Iterable[list[str]]
) -> list[list[str]]:
    """Put the values of each row under the columns of the experiment."""
    at = {name: i for i, name in enumerate(header)}
    place = [at.get(source.names.get(name, "")) for name in columns]
    constant = [source.constants.get(name, "") for name in columns]
    plan = list(zip(place, constant, strict=True))
    return [[text if i is None or text else row[i] for i, text in plan] for row in rows]


def _name(names: Sequence[str], i: int, otherwise: str) -> str:
    return names[i] if i < len(names) and names[i] else otherwise


def _types(columns: Sequence[str]) -> Mapping[str, Any]:
    import pyarrow as pa

    known = {
        **dict.fromkeys(_WHOLE_NUMBERS, pa.int64()),
        **dict.fromkeys(_TEXTS, pa.string()),
        GOOD: pa.bool_(),
        CORRECTED: pa.bool_(),
    }
    return {name: known.get(name, pa.float64()) for name in columns}
