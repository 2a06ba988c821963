"""Trace tables of every layout in one tidy form."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from pyama_core.columns import CELL, FOV, FRAME, GOOD, TIME, TRACE_COLUMNS
from pyama_core.io.decisions import decided_table
from pyama_core.io.inspection import read_inspected
from pyama_core.io.text_table import read_header
from pyama_core.io.trace_table import Table, read_trace_table
from pyama_core.messages import Message, warnings_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_OF_CHANNEL: Final = re.compile(r"(?P<feature>.+)_ch_(?P<channel>\d{1,9})", re.ASCII)
_INTENSITY: Final = "intensity"
_CHANNEL_IN_NAME: Final = re.compile(r"_traces_ch_(\d{1,9})", re.ASCII)
_FOV_IN_NAME: Final = re.compile(r"_fov_(\d{1,9})_", re.ASCII)


@dataclass(frozen=True)
class Traces:
    """The traces of one channel of one field of view, one row per cell and frame."""

    table: Table
    path: Path
    """The inspected copy where there is one that can be read, else the table."""
    messages: list[Message] = field(default_factory=list)
    """What a user should know."""
    marks: dict[int, bool] = field(default_factory=dict)
    """What a person said of the traces: good or not, by cell."""


def read_traces(path: Path, channel: int | None = None) -> Traces:
    """Read the traces of one channel from a table of any of PyAMA's layouts.

    What a person decided about them counts (`io.inspection.read_inspected`); the numbers are
    those of the table itself, which no spreadsheet has rounded.

    Parameters
    ----------
    path
        The table as the workflow wrote it.
    channel
        In a table that holds several channels as ``{feature}_ch_{channel}``: which of them is
        wanted; shape features are taken from whichever channel has them. None takes the first.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It is no trace table, or holds what cannot be; names column and row.
    """
    columns = read_trace_table(path)
    inspected = read_inspected(path)
    messages = list(inspected.messages)
    if TIME not in columns:
        messages += warnings_of([f"{path.name} has no times: the frame number stands in for them."])
    chosen = {name: columns[source] for name, source in names_of(columns, channel).items()}
    table = decided_table(_tidy(chosen, path), inspected.decisions)
    return Traces(table, inspected.path, messages, dict(inspected.decisions.marks))


def names_of(columns: Iterable[str], channel: int | None = None) -> dict[str, str]:
    """Find the features of one channel in a table of one or several.

    Returns
    -------
    dict
        Name in the table by plain name; see `read_traces`.
    """
    matches = {name: match for name in columns if (match := _OF_CHANNEL.fullmatch(name))}
    if channel is None:
        channel = _first_channel(matches)
    plain = {name: name for name in columns if name not in matches}
    shapes = {
        match["feature"]: name
        for name, match in matches.items()
        if not match["feature"].startswith(_INTENSITY)
    }
    own = {m["feature"]: name for name, m in matches.items() if int(m["channel"]) == channel}
    return plain | shapes | own


def channels_of(path: Path) -> list[int]:
    """Return the channels that a trace table has features of, by its name or its columns.

    Where neither tells, that is channel 0.
    """
    named = _CHANNEL_IN_NAME.search(path.stem)
    if named:
        return [int(named[1])]
    matches = filter(None, map(_OF_CHANNEL.fullmatch, read_header(path)))
    found = {int(m["channel"]) for m in matches if m["feature"].startswith(_INTENSITY)}
    return sorted(found) or [0]


def _first_channel(matches: dict[str, re.Match[str]]) -> int:
    of_intensity = [m for m in matches.values() if m["feature"].startswith(_INTENSITY)]
    return min((int(match["channel"]) for match in of_intensity), default=0)


def _tidy(table: Table, path: Path) -> Table:
    """Fill in the columns that every trace table has, and put them first."""
    n_rows = len(table[CELL])
    match = _FOV_IN_NAME.search(path.name)
    filled: Table = {
        FOV: np.full(n_rows, int(match[1]) if match else 0),
        TIME: table[FRAME].astype(np.float64),
        GOOD: np.ones(n_rows, dtype=bool),
    } | table
    if not n_rows:
        filled[GOOD] = np.zeros(0, dtype=bool)
    first = {name: filled[name] for name in TRACE_COLUMNS if name in filled}
    return first | filled
