"""Marks a person gave to traces, and the inspected copy of a trace table that carries them.

Beside ``..._traces_ch_1.csv`` stand ``..._traces_ch_1_inspected.csv``, the same table with the
marks in its column ``good``, and ``..._traces_ch_1_inspected.json``, which holds the marks and the
digest of the traces they were given to.
"""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.columns import CELL, GOOD, REASON
from pyama_core.errors import InputError
from pyama_core.io.atomic import write_lines, write_text
from pyama_core.io.coincidence import coinciding_cells
from pyama_core.io.digest import digest_file
from pyama_core.io.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

REJECTED: Final = "rejected by hand"
"""Reason of a trace that a person marked as not good."""

_SUFFIX: Final = "_inspected"
_DATE: Final = "%Y-%m-%d_%H%M%S"
_CHARACTERS_AT_ONCE: Final = 1 << 18
"""Longer blocks keep other threads from the interpreter: a window may be waiting for it."""


@dataclass(frozen=True)
class _Record:
    """What is known of an inspection: the traces it was made from, and the marks."""

    traces_digest: str
    marks: dict[int, bool]


def inspected_path(traces: Path) -> Path:
    """Name of the inspected copy of a trace table."""
    return traces.with_name(f"{traces.stem}{_SUFFIX}{traces.suffix}")


def original_path(table: Path) -> Path:
    """Name of the trace table that an inspected copy is of; any other table is its own."""
    original = table.with_name(table.name.replace(f"{_SUFFIX}{table.suffix}", table.suffix))
    return original if original.exists() else table


def load_marks(traces: Path) -> dict[int, bool]:
    """Return the marks a person gave to the traces of a file: good or not, by cell.

    Marks of an inspected copy that is out of date are carried over first (`refresh_inspected`).
    """
    preferred_traces(traces)
    record = _record_of(traces)
    if record is None or record.traces_digest != digest_file(traces):
        return {}
    return dict(record.marks)


def save_marks(traces: Path, marks: Mapping[int, bool]) -> Path:
    """Write the inspected copy with these marks in place of all earlier ones.

    Parameters
    ----------
    traces
        The trace table as the workflow wrote it.
    marks
        Good or not, by cell; cells without a mark keep what the filters said.

    Returns
    -------
    Path
        The inspected copy.

    Raises
    ------
    InputError
        A marked cell is not in the table.
    """
    copy = inspected_path(traces)
    blocks = _marked_lines(traces, marks)
    _write_record(traces, _Record(digest_file(traces), dict(marks)))
    write_lines(copy, blocks)
    return copy


def refresh_inspected(traces: Path) -> list[str]:
    """Bring an inspected copy up to date with its traces.

    When the traces have changed since, the old copy is kept under a dated name, and its marks go
    over to those tracks of the new traces that coincide with a marked one: that lie within a
    cell's radius of it in more than half of the frames in which either is.

    Returns
    -------
    list of str
        What a user should know; empty when nothing had to be done.
    """
    copy = inspected_path(traces)
    if not copy.exists() or not traces.exists():
        return []
    record = _record_of(traces)
    if record and record.traces_digest == digest_file(traces):
        return []
    old, new = read_table(copy), read_table(traces)
    if record is None and _same_but_for_marks(old, new):
        _write_record(traces, _Record(digest_file(traces), _differences(new, old)))
        return []
    return _carry_over(traces, old, new, record.marks if record else _verdicts(old))


def preferred_traces(traces: Path) -> tuple[Path, list[str]]:
    """Return the table to read, the inspected copy where there is one, and what to tell the user.

    Where the folder cannot be written and the copy is out of date, that is the original.
    """
    try:
        notes = refresh_inspected(traces)
    except OSError:
        note = f"The inspected copy of {traces.name} is out of date and is not used."
        return traces, [note]
    copy = inspected_path(traces)
    return (copy if copy.exists() else traces), notes


def _carry_over(
    traces: Path,
    old: Mapping[str, NDArray[Any]],
    new: Mapping[str, NDArray[Any]],
    marks: Mapping[int, bool],
) -> list[str]:
    partner = coinciding_cells(old, new, marks)
    kept = {partner[cell]: good for cell, good in marks.items() if cell in partner}
    dated = _retire(traces)
    if kept:
        save_marks(traces, kept)
    return [
        f"{traces.name} has changed since it was inspected: the inspected copy is kept as "
        f"{dated.name}, and {len(kept)} of its {len(marks)} marks were carried over."
    ]


def _marked_lines(traces: Path, marks: Mapping[int, bool]) -> list[list[str]]:
    """Give the lines of a trace table, in blocks, with `good` and `reason` as the marks say.

    Only lines of marked cells are taken apart: a mark is saved while its user waits.
    """
    known: set[int] = set()
    with traces.open(encoding="utf-8") as file:
        first = file.readline()
        header = next(csv.reader([first]))
        blocks = [[first]]
        while lines := file.readlines(_CHARACTERS_AT_ONCE):
            blocks.append(_marked_block(header, lines, marks, known))
    _check_cells(traces, marks, known)
    return blocks


def _marked_block(
    header: Sequence[str], lines: list[str], marks: Mapping[int, bool], known: set[int]
) -> list[str]:
    """Mark some lines, and add the cells they are of to those known."""
    at = header.index(CELL)
    cells = [line.split(",", at + 1)[at] for line in lines]
    numbers = {text: int(float(text)) for text in set(cells)}
    known.update(numbers.values())
    mark_of = {text: marks[number] for text, number in numbers.items() if number in marks}
    return [
        _marked(header, line, mark_of[cell]) if cell in mark_of else line
        for cell, line in zip(cells, lines, strict=True)
    ]


def _marked(header: Sequence[str], line: str, good: bool) -> str:
    values = dict(zip(header, next(csv.reader([line])), strict=True))
    values[GOOD] = str(bool(good))
    if REASON in values:
        values[REASON] = "" if good else REJECTED
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values.values())
    return text.getvalue()


def _check_cells(traces: Path, marks: Mapping[int, bool], known: set[int]) -> None:
    unknown = sorted(set(marks) - known)
    if unknown:
        raise InputError(
            f"Cell {unknown[0]} is not in {traces.name}: only cells of that table can be marked."
        )


def _record_path(traces: Path) -> Path:
    return inspected_path(traces).with_suffix(".json")


def _record_of(traces: Path) -> _Record | None:
    try:
        content = json.loads(_record_path(traces).read_text(encoding="utf-8"))
        marks = {int(cell): bool(good) for cell, good in content["marks"].items()}
        return _Record(str(content["traces_digest"]), marks)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_record(traces: Path, record: _Record) -> None:
    content = {"traces_digest": record.traces_digest, "marks": record.marks}
    write_text(_record_path(traces), json.dumps(content, indent=1) + "\n")


def _retire(traces: Path) -> Path:
    """Give the inspected copy and its record a dated name."""
    copy, date = inspected_path(traces), datetime.now().strftime(_DATE)
    dated = copy.with_name(f"{copy.stem}_{date}{copy.suffix}")
    copy.replace(dated)
    with suppress(FileNotFoundError):
        _record_path(traces).replace(dated.with_suffix(".json"))
    return dated


def _same_but_for_marks(old: Mapping[str, NDArray[Any]], new: Mapping[str, NDArray[Any]]) -> bool:
    judged = {GOOD, REASON}
    return {*old} - judged == {*new} - judged and all(
        np.array_equal(old[name], new[name], equal_nan=old[name].dtype.kind == "f")
        for name in {*old} - judged
    )


def _differences(
    new: Mapping[str, NDArray[Any]], old: Mapping[str, NDArray[Any]]
) -> dict[int, bool]:
    filtered = _verdicts(new)
    return {cell: good for cell, good in _verdicts(old).items() if filtered.get(cell) != good}


def _verdicts(table: Mapping[str, NDArray[Any]]) -> dict[int, bool]:
    return dict(zip(table[CELL].tolist(), table[GOOD].tolist(), strict=True))
