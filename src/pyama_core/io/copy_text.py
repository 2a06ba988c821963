"""The text of an inspected copy: a trace table with a person's decisions in it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import numpy as np

from pyama_core.columns import CELL, FRAME, GOOD, REASON
from pyama_core.errors import InputError
from pyama_core.io.decisions import Decisions, decide_rows, decided_table
from pyama_core.io.digest import new_digest
from pyama_core.io.tables import header_line, write_rows
from pyama_core.io.text_table import is_plain
from pyama_core.io.trace_table import read_trace_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

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
