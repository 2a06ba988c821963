"""Keep a person's decisions about traces, whoever wrote them and whatever becomes of the traces.

The record (`pyama_core.io.decisions`) is what counts; the inspected copy is made from it for
other programs and for people. A copy that somebody edited, or that another program wrote, is read
for the decisions in it, which then go into the record.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Final

from pyama_core.columns import CELL
from pyama_core.errors import ReadError, sentence_of
from pyama_core.io.atomic import atomic_write, digest_file, remove_partials_of, write_lines
from pyama_core.io.decisions import (
    REJECTED,
    Decisions,
    Record,
    coinciding_cells,
    inspected_path,
    original_path,
    read_record,
    record_path,
    write_record,
)
from pyama_core.io.inspected_copies import (
    copy_blocks,
    decisions_in_copy,
    decisions_without_traces,
    digest_of_blocks,
    is_copy_of,
    read_copy,
)
from pyama_core.io.text_table import check_regular
from pyama_core.io.trace_table import Table, read_trace_table
from pyama_core.io.untrusted import check_no_link
from pyama_core.messages import Message, warnings_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "REJECTED",
    "Inspected",
    "inspected_path",
    "load_marks",
    "original_path",
    "read_inspected",
    "save_marks",
]

_DATE: Final = "%Y-%m-%d_%H%M%S"


@dataclass(frozen=True)
class Inspected:
    """What is known of the inspection of a trace table.

    Attributes
    ----------
    path
        The inspected copy where there is one that can be read, else the table.
    decisions
        What a person decided.
    messages
        What a user should know.
    """

    path: Path
    decisions: Decisions = field(default_factory=Decisions)
    messages: list[Message] = field(default_factory=list)


def load_marks(traces: Path) -> dict[int, bool]:
    """Return the marks a person gave to the traces of a file: good or not, by cell."""
    return dict(read_inspected(traces).decisions.marks)


def save_marks(traces: Path, marks: Mapping[int, bool]) -> Path:
    """Write the inspected copy with these marks in place of all earlier ones.

    Marks that somebody wrote into the copy since it was last read stay, and a copy that this
    program did not write is kept under a dated name.

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
    before = _record_of(traces, [])
    found = read_inspected(traces).decisions
    known = before.decisions.marks if before else {}
    decisions = Decisions({**marks, **_meanwhile(known, found.marks, marks)}, found.left_out)
    blocks = copy_blocks(traces, decisions)
    if not _is_ours(traces, _record_of(traces, [])):
        _keep_dated(traces)
    _publish(traces, decisions, blocks)
    return inspected_path(traces)


def read_inspected(traces: Path) -> Inspected:
    """Read a person's decisions about a trace table, and bring record and copy in line.

    When the traces have changed since, the old copy is kept under a dated name, and its marks go
    over to those tracks of the new traces that coincide with a marked one: that lie within a
    cell's radius of it in more than half of the frames in which either is. A copy that cannot be
    read is left as it is: what is known without it counts.

    Raises
    ------
    FileNotFoundError
        Nothing is at `traces`.
    ReadError
        The traces themselves cannot be read.
    """
    copy = inspected_path(traces)
    if not copy.exists() and not record_path(traces).exists():
        return Inspected(traces)
    messages: list[Message] = []
    record = _record_of(traces, messages)
    try:
        found = _digest_of_copy(copy)
        if record is None or found not in ("", record.copy_digest, record.former_digest):
            return _from_copy(traces, record, found, messages)
        if record.traces_digest == digest_file(traces):
            return _in_line(traces, record, found, messages)
        return _carried_over(traces, record.decisions, messages)
    except _UnreadableCopyError as error:
        return _without_copy(traces, record, error, messages)


class _UnreadableCopyError(Exception):
    """The inspected copy cannot be read; the reason is its text."""


def _from_copy(
    traces: Path, record: Record | None, found: str, messages: list[Message]
) -> Inspected:
    """Take the decisions from a copy that a person or another program wrote."""
    if not found:
        return Inspected(traces, messages=messages)
    copy, digest = inspected_path(traces), digest_file(traces)
    old, new = _table_of_copy(traces), read_trace_table(traces)
    known = record or Record("")
    is_known = known.traces_digest == digest
    if not is_known and not is_copy_of(old, new):
        return _carried_over(traces, decisions_without_traces(old, known.decisions), messages)
    if len(new[CELL]) and not len(old[CELL]):
        raise _UnreadableCopyError(f"{copy} has no rows.")
    before = known.decisions if is_known else Decisions()
    decisions, said = decisions_in_copy(old, new, before, copy.name)
    with suppress(OSError):  # Where nothing can be written, the copy is read each time.
        if {*decisions.marks} <= {*old[CELL].tolist()}:
            write_record(traces, Record(digest, found, by_hand=True, decisions=decisions))
        else:  # Where a deleted cell was has to be known when the traces change.
            _keep_dated(traces)
            _publish(traces, decisions, copy_blocks(traces, decisions))
    return Inspected(copy, decisions, messages + said)


def _in_line(traces: Path, record: Record, found: str, messages: list[Message]) -> Inspected:
    """Make the copy again where it is not the one that the record is of."""
    copy = inspected_path(traces)
    if found != record.copy_digest:
        with suppress(OSError):
            blocks = copy_blocks(traces, record.decisions) if record.copy_digest else []
            _publish(traces, record.decisions, blocks)
    return Inspected(copy if copy.exists() else traces, record.decisions, messages)


def _carried_over(traces: Path, decisions: Decisions, messages: list[Message]) -> Inspected:
    """Find the tracks of changed traces that decisions were about."""
    copy = inspected_path(traces)
    if not copy.exists() and not decisions:
        return Inspected(traces, messages=messages)
    kept = _kept(decisions, _table_of_copy(traces), read_trace_table(traces))
    becomes = "cannot be replaced"
    with suppress(OSError):
        becomes = f"is kept as {_keep_dated(traces).name}"
        _publish(traces, kept, copy_blocks(traces, kept) if kept else [])
    messages += warnings_of(
        [
            f"{traces.name} has changed since it was inspected: the inspected copy {becomes}, and "
            f"{len(kept.marks)} of its {len(decisions.marks)} marks were carried over."
        ]
    )
    return Inspected(copy if copy.exists() else traces, kept, messages)


def _without_copy(
    traces: Path, record: Record | None, error: Exception, messages: list[Message]
) -> Inspected:
    """Fall back to what is known without the copy, which stays as it is."""
    is_known = record is not None and record.traces_digest == digest_file(traces)
    counts = "the marks saved before count" if is_known else "no marks of a person count"
    messages += warnings_of([f"Of the inspection of {traces.name} {counts}: {error}"])
    known = record.decisions if record is not None and is_known else Decisions()
    return Inspected(traces, known, messages)


def _record_of(traces: Path, messages: list[Message]) -> Record | None:
    try:
        return read_record(traces)
    except (ReadError, OSError) as error:
        messages += warnings_of([sentence_of(error)])
        return None


def _table_of_copy(traces: Path) -> Table:
    try:
        return read_copy(inspected_path(traces))
    except (ReadError, OSError) as error:
        raise _UnreadableCopyError(sentence_of(error)) from None


def _digest_of_copy(copy: Path) -> str:
    """Return the digest of the copy; empty where there is none."""
    if not copy.exists():
        return ""
    try:
        check_no_link(copy)
        check_regular(copy)
        return digest_file(copy)
    except (ReadError, OSError) as error:
        raise _UnreadableCopyError(sentence_of(error)) from None


def _meanwhile(
    known: Mapping[int, bool], found: Mapping[int, bool], wanted: Mapping[int, bool]
) -> dict[int, bool]:
    """Return marks that somebody gave since some were read, about cells marked by nobody else."""
    return {
        cell: good
        for cell, good in found.items()
        if known.get(cell) != good and wanted.get(cell) == known.get(cell)
    }


def _is_ours(traces: Path, record: Record | None) -> bool:
    """Return whether the copy is the one that this program made from the record."""
    copy = inspected_path(traces)
    if record is None or record.by_hand or record.traces_digest != digest_file(traces):
        return False
    return not _is_own_file(copy) or digest_file(copy) in (record.copy_digest, record.former_digest)


def _is_own_file(path: Path) -> bool:
    """Whether a file lies here itself; what a link leads to is kept where it is."""
    return path.is_file() and not path.is_symlink()


def _kept(decisions: Decisions, old: Table, new: Table) -> Decisions:
    """Move decisions to the tracks that coincide; of two about one track the rejection counts."""
    partner = coinciding_cells(old, new, {*decisions.marks, *decisions.left_out})
    good_first = sorted(decisions.marks.items(), key=lambda mark: not mark[1])
    marks = {partner[cell]: good for cell, good in good_first if cell in partner}
    left_out = {partner[c]: frames for c, frames in decisions.left_out.items() if c in partner}
    return Decisions(marks, left_out)


def _publish(traces: Path, decisions: Decisions, blocks: list[list[str]]) -> None:
    """Write the record, then the copy; without lines, there is to be no copy.

    The record names the copy that is still there, too: where the program ends between the two,
    the next reader knows that nobody else wrote it.
    """
    copy = inspected_path(traces)
    for path in (copy, record_path(traces)):
        remove_partials_of(path)
    digest = digest_of_blocks(blocks) if blocks else ""
    former = digest_file(copy) if _is_own_file(copy) else ""
    write_record(traces, Record(digest_file(traces), digest, former, decisions=decisions))
    if blocks:
        write_lines(copy, blocks)
    elif copy.exists():
        _keep_dated(traces, with_record=False)
        copy.unlink()


def _keep_dated(traces: Path, *, with_record: bool = True) -> Path:
    """Keep the inspected copy and its record under the name of the day they are of.

    Nothing is written twice: after a program was killed, the names are the same.
    """
    copy, record = inspected_path(traces), record_path(traces)
    kept = [path for path in ((copy, record) if with_record else (copy,)) if _is_own_file(path)]
    if not kept:
        return copy
    date = datetime.fromtimestamp(kept[0].stat().st_mtime).strftime(_DATE)
    contents = [path.read_bytes() for path in kept]
    for n in count(1):
        stem = f"{copy.stem}_{date}" + (f"_{n}" if n > 1 else "")
        dated = [path.with_name(stem + path.suffix) for path in kept]
        if all(map(_can_hold, dated, contents)):
            break
    for path, content in zip(dated, contents, strict=True):
        remove_partials_of(path)
        with atomic_write(path) as partial:
            partial.write_bytes(content)
    return dated[0]


def _can_hold(path: Path, content: bytes) -> bool:
    return not path.exists() or path.read_bytes() == content
