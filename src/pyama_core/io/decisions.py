"""What a person decided about the traces of a table, and the record that keeps it.

Beside ``..._traces_ch_1.csv`` stand ``..._traces_ch_1_inspected.csv``, the same table with the
decisions in it, and ``..._traces_ch_1_inspected.json``, the record of them, from which the copy is
made. The record names the copy that belongs to it by its digest: a copy with another was edited
by hand or by another program, unless it is the one that was about to be replaced.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.columns import AREA, CELL, FRAME, GOOD, POSITION_X, POSITION_Y, REASON
from pyama_core.errors import ReadError
from pyama_core.io.atomic import write_text
from pyama_core.io.text_table import check_regular
from pyama_core.io.untrusted import check_no_link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pyama_core.io.trace_table import Table


REJECTED: Final = "rejected by hand"
"""Reason of a trace that a person marked as not good."""

_SUFFIX: Final = "_inspected"
_LARGEST_RECORD: Final = 1 << 26
"""Bytes; the marks of a million cells take a quarter."""


@dataclass(frozen=True)
class Decisions:
    """What a person decided about the traces of one table.

    Attributes
    ----------
    marks
        Good or not, by cell.
    left_out
        Frames whose rows a person deleted, by cell.
    """

    marks: dict[int, bool] = field(default_factory=dict)
    left_out: dict[int, list[int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.marks or self.left_out)


@dataclass(frozen=True)
class Record:
    """Decisions, and the files that they belong to, by their digests.

    Attributes
    ----------
    traces_digest
        The traces that were inspected.
    copy_digest
        The inspected copy with these decisions; empty where there is none.
    former_digest
        The copy that it replaces, which is still there when the program was killed meanwhile.
    by_hand
        Whether the copy was written by a person or another program.
    """

    traces_digest: str
    copy_digest: str = ""
    former_digest: str = ""
    by_hand: bool = False
    decisions: Decisions = field(default_factory=Decisions)


def inspected_path(traces: Path) -> Path:
    """Name of the inspected copy of a trace table."""
    return traces.with_name(f"{traces.stem}{_SUFFIX}{traces.suffix}")


def original_path(table: Path) -> Path:
    """Name of the trace table that an inspected copy is of; any other table is its own."""
    original = table.with_name(table.name.replace(f"{_SUFFIX}{table.suffix}", table.suffix))
    return original if original.exists() else table


def record_path(traces: Path) -> Path:
    """Name of the record of the decisions about a trace table."""
    return inspected_path(traces).with_suffix(".json")


def read_record(traces: Path) -> Record | None:
    """Read the record of the decisions about a trace table; None where there is none.

    Raises
    ------
    ReadError
        The record is damaged.
    """
    path = record_path(traces)
    if not path.exists():
        return None
    try:
        check_no_link(path)
        check_regular(path)
        if path.stat().st_size > _LARGEST_RECORD:
            raise ValueError
        return _record(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ReadError(f"{path.name} is damaged: the marks in it are not known.") from None


def write_record(traces: Path, record: Record) -> None:
    """Write the record of the decisions about a trace table."""
    content = {
        "traces_digest": record.traces_digest,
        "copy_digest": record.copy_digest,
        "former_digest": record.former_digest,
        "by_hand": record.by_hand,
        "marks": record.decisions.marks,
        "left_out": record.decisions.left_out,
    }
    write_text(record_path(traces), json.dumps(content, indent=1) + "\n")


def decided_table(table: Table, decisions: Decisions) -> Table:
    """Return a trace table with a person's decisions in it."""
    if not decisions:
        return table
    kept = ~_rows_left_out(table, decisions)
    decided = {name: column[kept] for name, column in table.items()}
    for good in (True, False):
        of_cells = [cell for cell, mark in decisions.marks.items() if mark is good]
        rows = np.isin(decided[CELL], of_cells)
        if GOOD in decided:
            decided[GOOD][rows] = good
        if REASON in decided:
            decided[REASON][rows] = "" if good else REJECTED
    return decided


def decide_rows(
    header: Sequence[str], decisions: Decisions
) -> Callable[[list[str]], list[str] | None]:
    """Return a function that writes a person's decisions into a row of text.

    It returns None for a row that is left out.
    """
    at = {name: header.index(name) for name in (CELL, FRAME, GOOD, REASON) if name in header}
    reasons = {True: "", False: REJECTED}

    def decide(row: list[str]) -> list[str] | None:
        cell = int(float(row[at[CELL]]))
        if int(float(row[at[FRAME]])) in decisions.left_out.get(cell, ()):
            return None
        mark = decisions.marks.get(cell)
        if mark is not None and GOOD in at:
            row = list(row)
            row[at[GOOD]] = str(mark)
            if REASON in at:
                row[at[REASON]] = reasons[mark]
        return row

    return decide


def _rows_left_out(table: Table, decisions: Decisions) -> Any:
    left_out = np.zeros(len(table[CELL]), dtype=bool)
    for cell, frames in decisions.left_out.items():
        left_out |= (table[CELL] == cell) & np.isin(table[FRAME], frames)
    return left_out


def _record(content: Any) -> Record:
    """Take a record as JSON has it.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        It is of another form.
    """
    marks = {int(cell): good for cell, good in content["marks"].items()}
    if not all(isinstance(good, bool) for good in marks.values()):
        raise TypeError
    left_out = content.get("left_out", {}).items()
    return Record(
        traces_digest=str(content["traces_digest"]),
        copy_digest=str(content.get("copy_digest", "")),
        former_digest=str(content.get("former_digest", "")),
        by_hand=bool(content.get("by_hand", False)),
        decisions=Decisions(marks, {int(c): [int(f) for f in frames] for c, frames in left_out}),
    )


_RADIUS_WITHOUT_AREA: Final = 5.0
_LEAST_OVERLAP: Final = 0.5


def coinciding_cells(
    old: Mapping[str, NDArray[Any]], new: Mapping[str, NDArray[Any]], cells: Iterable[int]
) -> dict[int, int]:
    """Find the cell of a new trace table that is the same as one of an old.

    Parameters
    ----------
    old, new
        Trace tables of one field of view.
    cells
        Cells of the old table to look for.

    Returns
    -------
    dict
        New cell by old cell, for those whose tracks lie within a cell's radius of each other in
        more than half of the frames in which either is.
    """
    if not all({POSITION_X, POSITION_Y} <= {*table} for table in (old, new)):
        return {}
    wanted = np.isin(old[CELL], list(cells))
    together: Counter[tuple[int, int]] = Counter()
    for frame in np.unique(old[FRAME][wanted]):
        here, there = wanted & (old[FRAME] == frame), new[FRAME] == frame
        together.update(_neighbors(_rows(old, here), _rows(new, there)))
    n_old, n_new = Counter(old[CELL].tolist()), Counter(new[CELL].tolist())
    return {
        a: b for (a, b), n in together.items() if n > _LEAST_OVERLAP * (n_old[a] + n_new[b] - n)
    }


def _rows(table: Mapping[str, NDArray[Any]], chosen: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return {name: column[chosen] for name, column in table.items()}


def _neighbors(
    old: Mapping[str, NDArray[Any]], new: Mapping[str, NDArray[Any]]
) -> list[tuple[int, int]]:
    """Pair each old cell of a frame with the nearest new one within its radius."""
    if not len(new[CELL]):
        return []
    dx = old[POSITION_X][:, None] - new[POSITION_X]
    dy = old[POSITION_Y][:, None] - new[POSITION_Y]
    distance = np.nan_to_num(np.hypot(dx, dy), nan=np.inf)
    nearest = distance.argmin(axis=1)
    near = distance.min(axis=1) <= _radius(old)
    return list(zip(old[CELL][near].tolist(), new[CELL][nearest[near]].tolist(), strict=True))


def _radius(table: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    if AREA not in table:
        return np.full(len(table[CELL]), _RADIUS_WITHOUT_AREA)
    area = np.asarray(table[AREA], dtype=np.float64)
    return np.sqrt(np.where(area > 0, area, _RADIUS_WITHOUT_AREA**2 * np.pi) / np.pi)
