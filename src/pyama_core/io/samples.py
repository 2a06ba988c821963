"""Samples: which fields of view belong together, and their traces merged."""

from __future__ import annotations

import unicodedata
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from pyama_core.columns import GOOD
from pyama_core.errors import InputError
from pyama_core.fov_ranges import format_fovs, parse_fovs
from pyama_core.io.merged_tables import MergedTables, features_of
from pyama_core.io.results import ResultsIndex, read_results
from pyama_core.io.text_table import check_regular, decoded, shortened
from pyama_core.io.traces import read_traces
from pyama_core.messages import Message, warnings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyama_core.io.trace_table import Table

_FORBIDDEN: Final = '\\/:*?"<>|'
_LARGEST_FILE: Final = 1 << 20
"""Bytes; ten thousand samples take half of it."""


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
    messages: list[Message] = field(default_factory=list)
    """What a user should know."""

    def __iter__(self) -> Iterator[Path]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def read_samples(path: Path | str) -> list[Sample]:
    """Read ``samples.yaml``: ``samples: [{name: A, fovs: "0-5, 7"}]``, or fovs as a list.

    Names and FOVs are taken as they are written: a sample may be called ``1.10`` or ``yes``.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    InputError
        The file is not of this form, names no sample, or a name twice, or one that cannot be part
        of a file name.
    """
    path = Path(path)
    check_regular(path)
    if path.stat().st_size > _LARGEST_FILE:
        raise _no_samples_file(path, f"it is larger than {_LARGEST_FILE} bytes")
    try:
        content = yaml.load(decoded(path.read_bytes()), Loader=_AsWritten)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _no_samples_file(path, _first_line(error)) from None
    if not isinstance(content, dict) or "samples" not in content:
        raise _no_samples_file(path, 'it has no list "samples"')
    samples = [_sample(path, i, entry) for i, entry in enumerate(_listed(path, content), start=1)]
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

    ``{sample}_{feature}_ch_{channel}.csv`` has one column per cell, ``fov_000_cell_1``, and one
    row per frame in which any of them was measured; its time is the mean over the FOVs.
    ``{sample}_{feature}_ch_{channel}_tidy.csv`` has the columns time, fov, cell and value, with
    the time of each FOV. Both begin with the line ``# Time units: min``. Either all tables are
    written or none.

    Parameters
    ----------
    results
        A results folder, its YAML file, or what `read_results` gives. What a person decided about
        traces counts.
    samples
        See `read_samples`.
    output_dir
        Where the tables go.
    all_rows
        Take traces that are not good, too.

    Raises
    ------
    InputError
        A sample names a field of view that the results do not hold, or there are no traces.
    ReadError
        A trace table cannot be read.
    """
    index = results if isinstance(results, ResultsIndex) else read_results(results)
    fovs_of = {sample.name: _fovs(sample, index) for sample in samples}
    _check_has_traces(index, fovs_of)
    merged = Merged([])
    with ExitStack() as stack:
        stack.push(_remover_of_new(output_dir))
        output = MergedTables(output_dir, index.time_units, stack)
        for name, fovs in fovs_of.items():
            for channel in index.trace_channels:
                tables = _tables(index, fovs, channel, merged.messages)
                if not any((table[GOOD] | all_rows).any() for table in tables.values()):
                    said = f"Sample {name} has no good traces in channel {channel}."
                    merged.messages.extend(warnings_of([said]))
                for feature in features_of(tables):
                    stem = f"{name}_{feature}_ch_{channel}"
                    merged.paths.extend(output.write(stem, tables, feature, all_rows=all_rows))
    return merged


def _remover_of_new(folder: Path) -> Callable[..., None]:
    """Return an exit function that removes a folder made for tables of which none was written."""
    was_there = folder.exists()

    def remove(kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not was_there:
            with suppress(OSError):
                folder.rmdir()

    return remove


class _AsWritten(yaml.BaseLoader):
    """Reads YAML with all values as text, and refuses a key that is there twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping."""
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            keys = [key.value for key, _ in node.value]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise yaml.YAMLError(f'"{shortened(str(twice))}" is there twice in one place')
        return mapping


def _no_samples_file(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path} is no samples file ({reason}): it must read as "
        'samples: [{name: A, fovs: "0-5, 7"}].'
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _listed(path: Path, content: dict[Any, Any]) -> list[Any]:
    listed = content["samples"] or []
    if not isinstance(listed, list):
        raise _no_samples_file(path, '"samples" is no list')
    return listed


def _sample(path: Path, i: int, entry: Any) -> Sample:
    if not isinstance(entry, dict) or not {"name", "fovs"} <= {*entry}:
        raise _no_samples_file(path, f"sample {i} has not both a name and fovs")
    name, fovs = entry["name"], entry["fovs"]
    if isinstance(fovs, list) and all(isinstance(fov, str) for fov in fovs):
        fovs = ", ".join(fovs)
    if not isinstance(name, str) or not isinstance(fovs, str):
        raise _no_samples_file(path, f"name or fovs of sample {i} are no text")
    return Sample(name.strip(), fovs)


def _check_names(path: Path, samples: Sequence[Sample]) -> None:
    if not samples:
        raise InputError(f"{path} names no samples: list at least one.")
    seen: set[str] = set()
    for name in (sample.name for sample in samples):
        if not name or name.startswith(".") or not name.isprintable() or {*name} & {*_FORBIDDEN}:
            raise InputError(
                f'The sample name "{shortened(name)}" in {path} cannot begin a file name: give it '
                f"letters, no point in front, and none of {' '.join(_FORBIDDEN)}."
            )
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            raise InputError(
                f'The sample "{shortened(name)}" is in {path} twice: give each its own name, and '
                "not one that differs by capitals only, which not all disks tell apart."
            )
        seen.add(folded)


def _fovs(sample: Sample, index: ResultsIndex) -> list[int]:
    held = sorted(index.fovs)
    if sample.fovs.strip().lower() == "all":
        return held
    try:
        wanted = parse_fovs(sample.fovs, None)
    except InputError as error:
        raise InputError(f'Sample "{shortened(sample.name)}": {error}') from None
    absent = sorted(set(wanted) - set(held))
    if absent:
        raise InputError(
            f'Sample "{shortened(sample.name)}" takes FOV {format_fovs(absent)}, which '
            f"{index.output_dir} does not hold: it holds {format_fovs(held)}."
        )
    return wanted


def _check_has_traces(index: ResultsIndex, fovs_of: dict[str, list[int]]) -> None:
    wanted = sorted({fov for fovs in fovs_of.values() for fov in fovs})
    if not any(index.fovs[fov].traces_csv for fov in wanted):
        raise InputError(
            f"{index.output_dir} has no trace tables of FOV {format_fovs(wanted)}: run the "
            "workflow to its end first."
        )


def _tables(
    index: ResultsIndex, fovs: Sequence[int], channel: int, messages: list[Message]
) -> dict[int, Table]:
    tables = {}
    for fov in fovs:
        path = dict(index.fovs[fov].traces_csv).get(channel)
        if path is None:
            messages += warnings_of([f"FOV {fov} has no traces of channel {channel}."])
            continue
        traces = read_traces(path, channel)
        messages += [message for message in traces.messages if message not in messages]
        tables[fov] = traces.table
    return tables
