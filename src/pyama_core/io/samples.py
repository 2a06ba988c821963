"""Samples: which fields of view belong together, and their traces merged."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.columns import BBOX, CELL, FOV, GOOD, INTENSITY_TOTAL, REASON, TIME, TRACE_COLUMNS
from pyama_core.errors import InputError
from pyama_core.fov_ranges import format_fovs, parse_fovs
from pyama_core.io.atomic import atomic_write
from pyama_core.io.results import ResultsIndex, read_results
from pyama_core.io.traces import Table, read_traces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

VALUE: Final = "value"
"""The column of a merged tidy table that holds the feature."""

_FEATURES_OF_ALL: Final = (INTENSITY_TOTAL, "area")
_NO_FEATURES: Final = frozenset({*TRACE_COLUMNS, *BBOX, REASON} - set(_FEATURES_OF_ALL))
_FORBIDDEN: Final = '\\/:*?"<>|'


@dataclass(frozen=True)
class Sample:
    """Fields of view that were treated alike."""

    name: str
    fovs: str
    """As people write them: ``"0-5, 7"`` or ``"all"``."""


@dataclass(frozen=True)
class Merged:
    """The files a merge wrote; iterating gives them."""

    paths: list[Path]
    notes: list[str] = field(default_factory=list)
    """What a user should know, one sentence each."""

    def __iter__(self) -> Iterator[Path]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def read_samples(path: Path | str) -> list[Sample]:
    """Read ``samples.yaml``: ``samples: [{name: A, fovs: "0-5, 7"}]``, or fovs as a list.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    InputError
        The file is not of this form, names no sample, or a name twice, or one that cannot be part
        of a file name.
    """
    import yaml

    path = Path(path)
    try:
        content = yaml.safe_load(path.read_bytes())
        samples = [_sample(entry) for entry in content["samples"]]
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError, AttributeError):
        raise InputError(
            f'{path} is no samples file: it must read as samples: [{{name: A, fovs: "0-5, 7"}}].'
        ) from None
    _check_names(path, samples)
    return samples


def merge_samples(
    results: Path | str | ResultsIndex,
    samples: Sequence[Sample],
    output_dir: Path,
    *,
    all_rows: bool = False,
) -> Merged:
    """Write the traces of each sample, a wide and a tidy table per feature and channel.

    ``{sample}_{feature}_ch_{channel}.csv`` begins with the line ``# Time units: min`` and has one
    column per cell, ``fov_000_cell_1``, and one row per time at which any of them was measured.
    ``{sample}_{feature}_ch_{channel}_tidy.csv`` has the columns time, fov, cell and value.

    Parameters
    ----------
    results
        A results folder, its YAML file, or what `read_results` gives. Inspected copies of traces
        are used where there are any.
    samples
        See `read_samples`.
    output_dir
        Where the tables go.
    all_rows
        Take traces that are not good, too.

    Raises
    ------
    InputError
        A sample names a field of view that the results do not hold.
    """
    index = results if isinstance(results, ResultsIndex) else read_results(results)
    fovs_of = {sample.name: _fovs(sample, index) for sample in samples}
    merged = Merged([])
    for name, fovs in fovs_of.items():
        for channel in index.trace_channels:
            tables = _tables(index, fovs, channel, merged.notes)
            if not any((table[GOOD] | all_rows).any() for table in tables.values()):
                merged.notes.append(f"Sample {name} has no good traces in channel {channel}.")
            for feature in _features(tables):
                stem = output_dir / f"{name}_{feature}_ch_{channel}"
                rows = _rows(tables, feature, all_rows)
                merged.paths.extend(_write_both(stem, rows, index.time_units))
    return merged


def _sample(entry: Any) -> Sample:
    fovs = entry["fovs"]
    if isinstance(fovs, list):
        fovs = ", ".join(str(fov) for fov in fovs)
    return Sample(str(entry["name"]), str(fovs))


def _check_names(path: Path, samples: Sequence[Sample]) -> None:
    if not samples:
        raise InputError(f"{path} names no samples: list at least one.")
    names = [sample.name for sample in samples]
    folded = [name.casefold() for name in names]
    for name in names:
        if not name.strip() or set(name) & set(_FORBIDDEN):
            raise InputError(
                f'The sample name "{name}" in {path} cannot be part of a file name: '
                f"leave out {' '.join(_FORBIDDEN)}."
            )
        if folded.count(name.casefold()) > 1:
            raise InputError(
                f'The sample "{name}" is in {path} twice: give each its own name, and not one that '
                "differs by capitals only, which not all disks tell apart."
            )


def _fovs(sample: Sample, index: ResultsIndex) -> list[int]:
    held = sorted(index.fovs)
    if sample.fovs.strip().lower() == "all":
        return held
    try:
        wanted = parse_fovs(sample.fovs, None)
    except InputError as error:
        raise InputError(f'Sample "{sample.name}": {error}') from None
    absent = sorted(set(wanted) - set(held))
    if absent:
        raise InputError(
            f'Sample "{sample.name}" takes FOV {format_fovs(absent)}, which {index.output_dir} '
            f"does not hold: it holds {format_fovs(held)}."
        )
    return wanted


def _tables(
    index: ResultsIndex, fovs: Sequence[int], channel: int, notes: list[str]
) -> dict[int, Table]:
    tables = {}
    for fov in fovs:
        path = dict(index.fovs[fov].traces_csv).get(channel)
        if path is None:
            notes.append(f"FOV {fov} has no traces of channel {channel}.")
            continue
        traces = read_traces(path, channel)
        notes += [note for note in traces.notes if note not in notes]
        tables[fov] = traces.table
    return tables


def _features(tables: dict[int, Table]) -> list[str]:
    """Every feature of any table, in their order."""
    found = dict.fromkeys(name for table in tables.values() for name in table)
    return [name for name in found if name not in _NO_FEATURES]


def _rows(tables: dict[int, Table], feature: str, all_rows: bool) -> pd.DataFrame:
    """Join one feature of several fields of view: time, fov, cell and value."""
    import pandas as pd

    frames = [
        pd.DataFrame({TIME: table[TIME], FOV: fov, CELL: table[CELL], VALUE: table[feature]})
        .astype({VALUE: np.float64})
        .loc[table[GOOD] | all_rows]
        for fov, table in tables.items()
        if feature in table
    ]
    rows = pd.concat(frames, ignore_index=True)
    return rows.sort_values([FOV, CELL, TIME], kind="stable", ignore_index=True)


def _write_both(stem: Path, rows: pd.DataFrame, time_units: str) -> list[Path]:
    """Write the wide and the tidy table."""
    import pandas as pd

    wide = rows.pivot(index=TIME, columns=[FOV, CELL], values=VALUE)
    cells: Any = wide.columns
    wide.columns = pd.Index([f"fov_{fov:03d}_cell_{cell}" for fov, cell in cells], dtype=object)
    wide_path, tidy_path = (stem.with_name(stem.name + end) for end in (".csv", "_tidy.csv"))
    _write(wide_path, wide.reset_index(), f"# Time units: {time_units}\n")
    _write(tidy_path, rows)
    return [wide_path, tidy_path]


def _write(path: Path, table: pd.DataFrame, first_line: str = "") -> None:
    with atomic_write(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        file.write(first_line)
        table.to_csv(file, index=False, float_format="%.6f", lineterminator="\n")
