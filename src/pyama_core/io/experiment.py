"""The traces of a whole experiment in one tidy table."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyama_core.columns import (
    CELL,
    CHANNEL,
    CHANNEL_NAME,
    FOV,
    FRAME,
    GOOD,
    PIXEL_SIZE,
    POSITION_NAME,
    REASON,
    TRACE_COLUMNS,
)
from pyama_core.errors import InputError
from pyama_core.io.atomic import atomic_write
from pyama_core.io.inspection import preferred_traces
from pyama_core.io.traces import names_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pyama_core.io.results import ResultsIndex

_WHOLE_NUMBERS: Final = (FOV, CHANNEL, CELL, FRAME)
_TEXTS: Final = (POSITION_NAME, CHANNEL_NAME, REASON)


@dataclass(frozen=True)
class _Source:
    """One channel of one trace table, and what to say of all its rows."""

    path: Path
    names: dict[str, str]
    constants: dict[str, str]


def write_experiment_table(
    index: ResultsIndex,
    path: Path,
    *,
    position_names: Sequence[str] = (),
    channel_names: Sequence[str] = (),
    pixel_size_um: float | None = None,
) -> list[str]:
    """Write the traces of a whole experiment as one CSV file.

    It has one row per cell, frame and channel. Only one row is in memory at a time. Inspected
    copies are used where there are any; a feature that was not measured in a channel is left
    empty.

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
    list of str
        What a user should know, one sentence each.
    """
    notes: list[str] = []
    sources = []
    for fov, files in sorted(index.fovs.items()):
        for channel, traces in files.traces_csv:
            preferred, said = preferred_traces(traces)
            notes += [note for note in said if note not in notes]
            constants = {
                FOV: str(fov),
                POSITION_NAME: _name(position_names, fov, f"fov_{fov:03d}"),
                CHANNEL: str(channel),
                CHANNEL_NAME: _name(channel_names, channel, str(channel)),
                PIXEL_SIZE: "" if pixel_size_um is None else f"{pixel_size_um:.6f}",
            }
            sources.append(_source(preferred, channel, constants))
    _write(path, sources)
    return notes


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
    try:
        from pyarrow import csv as arrow_csv
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            'Parquet needs the package pyarrow: pip install "napari-pyama[parquet]".'
        ) from None
    path = table.with_suffix(".parquet")
    options = arrow_csv.ConvertOptions(column_types=_types(_header(table)))
    with (
        atomic_write(path) as partial,
        arrow_csv.open_csv(table, convert_options=options) as batches,
        parquet.ParquetWriter(partial, batches.schema) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
    return path


def _source(path: Path, channel: int, constants: dict[str, str]) -> _Source:
    return _Source(path, names_of(_header(path), channel), constants)


def _write(path: Path, sources: Sequence[_Source]) -> None:
    columns = _columns(sources)
    with atomic_write(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for source in sources:
            writer.writerows(_rows(source, columns))


def _columns(sources: Sequence[_Source]) -> list[str]:
    """Every column of any table: what names a row first, then as in the trace tables."""
    found = dict.fromkeys(name for source in sources for name in source.names)
    first = (FOV, POSITION_NAME, CHANNEL, CHANNEL_NAME)
    usual = [name for name in TRACE_COLUMNS if name in found and name != FOV]
    features = [n for n in found if n not in TRACE_COLUMNS and n != REASON]
    last = [REASON] if REASON in found else []
    return [*first, *usual, *features, *last, PIXEL_SIZE]


def _rows(source: _Source, columns: Sequence[str]) -> Iterator[list[str]]:
    """Give the rows of one table as text: nothing is parsed, so nothing is rounded."""
    with source.path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        at = {name: i for i, name in enumerate(next(reader))}
        place = [at.get(source.names.get(name, "")) for name in columns]
        constant = [source.constants.get(name, "") for name in columns]
        plan = list(zip(place, constant, strict=True))
        for row in reader:
            yield [text if i is None or text else row[i] for i, text in plan]


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])


def _name(names: Sequence[str], i: int, otherwise: str) -> str:
    return names[i] if i < len(names) and names[i] else otherwise


def _types(columns: Sequence[str]) -> Mapping[str, Any]:
    import pyarrow as pa

    known = {
        **dict.fromkeys(_WHOLE_NUMBERS, pa.int64()),
        **dict.fromkeys(_TEXTS, pa.string()),
        GOOD: pa.bool_(),
    }
    return {name: known.get(name, pa.float64()) for name in columns}
