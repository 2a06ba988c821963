"""Read what a person decided from an inspected copy that a spreadsheet or program wrote."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import numpy as np

from pyama_core.columns import AREA, CELL, FRAME, GOOD, POSITION_X, POSITION_Y, REASON
from pyama_core.errors import InputError, ReadError
from pyama_core.io.atomic import new_digest
from pyama_core.io.column_types import numbers, texts, truths, whole_numbers
from pyama_core.io.decisions import REJECTED, Decisions, decide_rows, decided_table
from pyama_core.io.tables import header_line, write_rows
from pyama_core.io.text_table import is_plain, read_text_table
from pyama_core.io.trace_table import Table, check_is_trace_table, read_trace_table, row_keys
from pyama_core.messages import Message, warnings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


_SAME_PLACE_PX: Final = 0.5
"""Spreadsheets round positions to what they show; cells of another table lie further away."""


def read_copy(path: Path) -> Table:
    """Read of an inspected copy who was judged how, and where the cells are.

    Spreadsheets round numbers and take some for dates: positions and areas that cannot be read
    are left out, features are not read at all.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It does not say which traces are good; names column and row.
    """
    text = read_text_table(path, skip_empty=True)
    check_is_trace_table(path, text.header)
    if GOOD not in text.header:
        raise ReadError(f'{path} has no column "{GOOD}": copy it from the trace table.')
    table: Table = {name: whole_numbers(text, name) for name in (CELL, FRAME)}
    table[GOOD] = truths(text, GOOD)
    if REASON in text.header:
        table[REASON] = texts(text, REASON)
    for name in (POSITION_X, POSITION_Y, AREA):
        with suppress(ReadError, ValueError):
            table[name] = numbers(text, name)
    return table


def is_copy_of(copy: Table, traces: Table) -> bool:
    """Return whether every row of a copy is of a cell of these traces, in its place."""
    row_of = {key: row for row, key in enumerate(row_keys(traces))}
    rows = [row_of.get(key, -1) for key in row_keys(copy)]
    if -1 in rows:
        return False
    return all(
        bool(np.all(~(np.abs(copy[name] - traces[name][rows]) > _SAME_PLACE_PX)))
        for name in (POSITION_X, POSITION_Y)
        if name in copy and name in traces
    )


def decisions_in_copy(
    copy: Table, traces: Table, known: Decisions, name: str
) -> tuple[Decisions, list[Message]]:
    """Find what was decided in a copy of traces.

    A cell is judged where the copy differs from the filters of the workflow in any of its rows, or
    where it was judged before. A cell whose rows were all deleted is rejected.

    Parameters
    ----------
    copy, traces
        The copy, and the traces that it was made from.
    known
        What was decided before.
    name
        What to call the copy in messages.

    Returns
    -------
    decisions, messages
        What was decided, and what a user should know of it.
    """
    filtered = _by_cell(traces, traces.get(GOOD, np.ones(len(traces[CELL]), dtype=bool)))
    judged = {cell: found for cell, found in _by_cell(copy, copy[GOOD]).items() if cell in filtered}
    marks: dict[int, bool] = {}
    for cell, by_filters in filtered.items():
        good = True in by_filters
        verdict = _verdict(judged.get(cell, {False}), good)
        if cell not in judged or verdict != good or cell in known.marks:
            marks[cell] = verdict
    messages = _about_mixed(judged, marks, name) + _about_deleted(filtered, judged, name)
    return Decisions(marks, _left_out(copy, traces, judged)), messages


def decisions_without_traces(copy: Table, known: Decisions) -> Decisions:
    """Find what was decided in a copy of traces that are no more.

    Where the copy gives reasons, a trace that is not good for a reason of the filters was not
    judged by a person, nor was a good one without any.
    """
    marks = {cell: _verdict(found, True) for cell, found in _by_cell(copy, copy[GOOD]).items()}
    if REASON in copy:
        filtered = _by_cell(copy, ~np.isin(copy[REASON], ("", REJECTED)))
        marks = {
            cell: good
            for cell, good in marks.items()
            if cell in known.marks or good == (True in filtered[cell])
        }
    return Decisions(marks, known.left_out)


def _by_cell(table: Table, values: NDArray[np.bool_]) -> dict[int, set[bool]]:
    """Return the different truth values of each cell."""
    found: dict[int, set[bool]] = {}
    for cell, value in set(zip(table[CELL].tolist(), values.tolist(), strict=True)):
        found.setdefault(cell, set()).add(value)
    return found


def _verdict(found: set[bool], by_filters: bool) -> bool:
    """Return the judgement of a cell: what differs from the filters is a person's."""
    return not by_filters if len(found) > 1 else next(iter(found))


def _left_out(copy: Table, traces: Table, judged: dict[int, set[bool]]) -> dict[int, list[int]]:
    left_out: dict[int, list[int]] = {}
    for cell, frame in sorted({*row_keys(traces)} - {*row_keys(copy)}):
        if cell in judged:
            left_out.setdefault(cell, []).append(frame)
    return left_out


def _about_mixed(judged: dict[int, set[bool]], marks: dict[int, bool], name: str) -> list[Message]:
    mixed = sorted(cell for cell, found in judged.items() if len(found) > 1)
    words = {True: "good", False: "rejected"}
    return warnings_of(
        f"Cell {cell} is both good and not good in {name}: it counts as {words[marks[cell]]}."
        for cell in mixed
    )


def _about_deleted(
    filtered: dict[int, set[bool]], judged: dict[int, set[bool]], name: str
) -> list[Message]:
    n_deleted = len({*filtered} - {*judged})
    if not n_deleted:
        return []
    cells = f"{n_deleted} cell" + ("s" if n_deleted > 1 else "")
    return warnings_of([f"Rejected by hand: {cells} without rows in {name}."])


_CHARACTERS_AT_ONCE: Final = 1 << 18
"""Longer blocks keep other threads from the interpreter: a window may be waiting for it."""


def copy_blocks(traces: Path, decisions: Decisions) -> list[list[str]]:
    """Return the lines of a trace table, in blocks, with a person's decisions in them.

    Raises
    ------
    InputError
        A marked cell is not in the table.
    ReadError
        The table cannot be read.
    """
    blocks = _plain_blocks(traces, decisions) if is_plain(traces) else None
    return blocks or _parsed_block(traces, decisions)


def digest_of_blocks(blocks: Iterable[Iterable[str]]) -> str:
    """Return the digest of the file that blocks of lines make."""
    digest = new_digest()
    for lines in blocks:
        digest.update("".join(lines).encode())
    return digest.hexdigest()


def _plain_blocks(traces: Path, decisions: Decisions) -> list[list[str]] | None:
    """Take only lines apart that change: a mark is saved while its user waits.

    Returns
    -------
    list of list of str or None
        None where the lines are not as this program writes them.
    """
    known: set[int] = set()
    try:
        with traces.open(encoding="utf-8", newline="\n") as file:
            first = file.readline()
            header = next(csv.reader([first]))
            if not {CELL, FRAME, GOOD} <= {*header}:
                return None
            blocks = [[first]]
            while lines := file.readlines(_CHARACTERS_AT_ONCE):
                blocks.append(_decided_lines(header, lines, decisions, known))
    except (IndexError, ValueError, csv.Error):
        return None
    _check_cells(traces, decisions.marks, known)
    return blocks


def _decided_lines(
    header: Sequence[str], lines: list[str], decisions: Decisions, known: set[int]
) -> list[str]:
    """Write decisions into some lines, and add the cells they are of to those known."""
    at, decide = header.index(CELL), decide_rows(header, decisions)
    cells = [line.split(",", at + 1)[at] for line in lines]
    numbers = {text: int(float(text)) for text in set(cells)}
    known.update(numbers.values())
    decided = {*decisions.marks, *decisions.left_out}
    changing = {text for text, number in numbers.items() if number in decided}
    rows = (
        (_decided_line(line, decide(next(csv.reader([line])))) if cell in changing else line)
        for cell, line in zip(cells, lines, strict=True)
    )
    return [row for row in rows if row]


def _decided_line(line: str, row: list[str] | None) -> str:
    if row is None:
        return ""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n" if line.endswith("\r\n") else "\n").writerow(row)
    return text.getvalue()


def _parsed_block(traces: Path, decisions: Decisions) -> list[list[str]]:
    table = read_trace_table(traces)
    _check_cells(traces, decisions.marks, {*table[CELL].tolist()})
    table.setdefault(GOOD, np.ones(len(table[CELL]), dtype=bool))
    table.setdefault(REASON, np.full(len(table[CELL]), "", dtype=object))
    decided = decided_table(table, decisions)
    text = io.StringIO()
    text.write(header_line(decided))
    write_rows(text, decided)
    return [[text.getvalue()]]


def _check_cells(traces: Path, marks: Mapping[int, bool], known: set[int]) -> None:
    unknown = sorted(set(marks) - known)
    if unknown:
        raise InputError(
            f"Cell {unknown[0]} is not in {traces.name}: only cells of that table can be marked."
        )
