"""The index of a results folder: reads every layout of PyAMA's folders, writes layout A."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml

from pyama_core.errors import InputError, ReadError
from pyama_core.io.atomic import write_text
from pyama_core.io.result_files import (
    Found,
    Listed,
    ResultsPathsPerFOV,
    as_files,
    checked_channel,
    checked_fov,
    listed_files,
    relative_entry,
    scan_folder,
)
from pyama_core.io.types import ChannelInfo, MicroscopyMetadata
from pyama_core.io.untrusted import InsideFolder, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


__all__ = ["ResultsIndex", "ResultsPathsPerFOV", "read_results", "write_results"]

RESULTS_YAML: Final = "processing_results.yaml"
CONFIG_YAML: Final = "processing_config.yaml"
_FOVS_KEYS: Final = ("results_paths", "results")
_OWN_KEYS: Final = ("output_dir", "channels", *_FOVS_KEYS, "params", "time_units")

_PC_KINDS: Final = ("pc", "seg", "seg_labeled", "seg_tracked")
_FL_KINDS: Final = ("fl", "fl_corrected", "fl_background", "traces", "traces_csv")

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass
class ResultsIndex:
    """What a results folder holds."""

    output_dir: Path
    channels_pc: int | None
    """The channel that was segmented; None where nothing tells."""
    channels_fl: Sequence[int] = ()
    fovs: dict[int, ResultsPathsPerFOV] = field(default_factory=dict)
    """Files by field of view, ascending."""
    params: dict[str, Any] = field(default_factory=dict)
    time_units: str = "min"
    extra: dict[str, Any] = field(default_factory=dict)
    """Further keys of the YAML file, kept as they are."""
    notes: list[str] = field(default_factory=list)
    """What a user should know of this folder, one sentence each; not written."""

    @property
    def trace_channels(self) -> list[int]:
        """Channels that have trace tables: the fluorescence ones, else the segmented one."""
        found = {channel for files in self.fovs.values() for channel, _ in files.traces_csv}
        return sorted(found)


def read_results(path: Path | str) -> ResultsIndex:
    """Read what a results folder holds.

    All of PyAMA's layouts are read, moved folders too (each path is looked for by its last two
    parts beside the YAML file), and folders without a YAML file by their file names. In the
    latest layout untracked labels are called ``seg_labeled``: they come as ``seg_instances``
    here, and the tracked ones as ``seg_labeled``.

    Parameters
    ----------
    path
        The folder, or a results YAML file in it.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    InputError
        It holds no results, or its YAML file is damaged.
    """
    path = Path(path).expanduser().absolute()
    if not path.exists():
        raise FileNotFoundError(f"No results at {path}: check the path.")
    folder = path if path.is_dir() else path.parent
    file = _index_file(path)
    content = _load_yaml(file) if file else {}
    try:
        index = _index(folder, content)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
        raise InputError(
            f"The index {file} has an entry that cannot be read ({error}): restore it, or remove "
            "it to have the folder read by its file names."
        ) from None
    if not index.fovs:
        raise InputError(
            f"{path} holds no results: neither a {RESULTS_YAML} that lists files, nor folders "
            "fov_000, fov_001, ... with files in them. Choose the output folder of a run."
        )
    return index


def write_results(index: ResultsIndex) -> Path:
    """Write ``processing_results.yaml`` of layout A so that it appears whole.

    Paths are relative to the YAML file, so the folder may be moved.

    Returns
    -------
    Path
        The file.
    """
    head = {
        "output_dir": ".",
        "channels": {"pc": index.channels_pc, "fl": list(index.channels_fl)},
    }
    tail = {"params": _plain(index.params), "time_units": index.time_units, **_plain(index.extra)}
    path = index.output_dir / RESULTS_YAML
    write_text(path, _dump(head) + _fov_lines(index) + _dump(tail))
    return path


def _fov_lines(index: ResultsIndex) -> str:
    """One line per field of view, as JSON, which is YAML and fast: it is written often."""
    if not index.fovs:
        return "results_paths: {}\n"
    entries = {fov: relative_entry(files, index.output_dir) for fov, files in index.fovs.items()}
    lines = [
        f"  '{fov}': {json.dumps(entry, ensure_ascii=False)}\n"
        for fov, entry in sorted(entries.items())
    ]
    return "results_paths:\n" + "".join(lines)


def _dump(content: Mapping[str, Any]) -> str:
    text: str = yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True
    )
    return text


def _index_file(path: Path) -> Path | None:
    """Find the YAML file of a folder, or check that a given file is one."""
    if path.is_dir():
        inside, found = InsideFolder(path), (path / name for name in (RESULTS_YAML, CONFIG_YAML))
        return next((file for file in found if inside.place(file) == "inside"), None)
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(
            f"{path.name} is no results file: choose a results folder or its {RESULTS_YAML}."
        )
    return path


def _load_yaml(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except ReadError as error:
        raise ReadError(
            f"{error} Restore it, or remove it to have the folder read by its file names."
        ) from None
    if not isinstance(content, dict) or not set(map(str, content)) & {*_OWN_KEYS}:
        raise InputError(f"{path} does not list results: choose a {RESULTS_YAML}.")
    return content


def _listed(content: Mapping[str, Any], folder: Path) -> dict[int, Listed]:
    entries: Any = next((content[key] for key in _FOVS_KEYS if content.get(key)), {})
    inside = InsideFolder(folder)
    return {checked_fov(fov): listed_files(entry, inside, folder) for fov, entry in entries.items()}


def _index(folder: Path, content: Mapping[str, Any]) -> ResultsIndex:
    listed = _listed(content, folder)
    found = {fov: files.found for fov, files in listed.items()} or scan_folder(folder)
    channels = content.get("channels") or {}
    pc = _channels(channels.get("pc")) or _channels_of(found, _PC_KINDS)
    fl = _channels(channels.get("fl"))
    if channels.get("fl") is None:
        fl = [channel for channel in _channels_of(found, _FL_KINDS) if channel not in pc]
    return ResultsIndex(
        output_dir=folder,
        channels_pc=pc[0] if pc else None,
        channels_fl=fl,
        fovs={fov: as_files(found[fov], fl or pc[:1]) for fov in sorted(found)},
        params=dict(content.get("params") or {}),
        time_units=_time_units(content.get("time_units") or "min"),
        extra={key: value for key, value in content.items() if key not in _OWN_KEYS},
        notes=list(_notes(folder, listed.values())),
    )


def _notes(folder: Path, listed: Iterable[Listed]) -> Iterator[str]:
    listed = list(listed)
    if n_gone := sum(len(files.missing) for files in listed):
        yield f"{n_gone} files that {folder.name} lists are not there."
    if outside := [path for files in listed for path in files.outside]:
        others = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        yield (
            f"{folder.name} lists {outside[0]}{others}, outside of it or no regular file: only "
            "files that lie in a results folder are read."
        )


def _time_units(unit: Any) -> str:
    """Return a unit of time; raise ValueError where it is none: it becomes a line of tables."""
    if not isinstance(unit, str) or not unit.isprintable():
        raise ValueError(f"{unit!r} is not a unit of time")
    return unit


def _channels(spec: Any) -> list[int]:
    """Read ``0``, ``[1, 2]``, ``[0, [features]]``, ``[[1, [features]]]`` or ``{1: [features]}``.

    Raises
    ------
    TypeError, ValueError
        It is none of these.
    """
    if spec is None:
        return []
    if isinstance(spec, dict):
        return [checked_channel(channel) for channel in spec]
    if not isinstance(spec, list):
        return [checked_channel(spec)]
    if len(spec) == 2 and isinstance(spec[1], list) and not isinstance(spec[0], list):
        return [checked_channel(spec[0])]
    return [checked_channel(item[0] if isinstance(item, list) else item) for item in spec]


def _channels_of(found: Mapping[int, Found], kinds: Iterable[str]) -> list[int]:
    """Channels in the names of files of some kinds."""
    channels = {
        channel for files in found.values() for kind in kinds for channel, _ in files.get(kind, [])
    }
    return sorted(channel for channel in channels if channel >= 0)


def _plain(value: Any) -> Any:
    """Turn tuples, paths, NumPy's numbers and their like into what YAML knows."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


MADE_FROM: Final = "source"
"""Key of the entry in the index, which only folders written by this program have."""

_MOST: Final = 1e9
"""Of any size or wavelength: no microscope has pixels of a kilometer, in micrometers."""


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """What is known of the microscopy file; empty or None where nothing is."""

    path: Path | None = None
    base_name: str = ""
    channels: tuple[ChannelInfo, ...] = ()
    fov_names: tuple[str, ...] = ()
    pixel_size_um: float | None = None

    @property
    def file_name(self) -> str:
        """Name of the file on any system, without its folder."""
        return "" if self.path is None else PureWindowsPath(self.path).name


def source_entry(metadata: MicroscopyMetadata) -> dict[str, Any]:
    """Return what the index keeps of a microscopy file, ready for YAML."""
    return {
        "path": str(metadata.file_path.absolute()),
        "base_name": metadata.base_name,
        "time_source": metadata.time_source,
        "pixel_size_um": metadata.pixel_size_um,
        "channels": [_known(channel) for channel in metadata.channels],
        "positions": list(metadata.fov_names),
    }


def recorded_source(extra: Mapping[str, Any]) -> RecordedSource:
    """Read the entry of an index; what is missing or is not as it should be is left out.

    Parameters
    ----------
    extra
        Further keys of the index.
    """
    entry = extra.get(MADE_FROM)
    if not isinstance(entry, dict):
        return RecordedSource()
    path = _text(entry.get("path"))
    return RecordedSource(
        path=Path(path) if path else None,
        base_name=_text(entry.get("base_name")),
        channels=tuple(_channel(item) for item in _list(entry.get("channels"))),
        fov_names=tuple(_text(item) for item in _list(entry.get("positions"))),
        pixel_size_um=_positive(entry.get("pixel_size_um")),
    )


def _known(channel: ChannelInfo) -> dict[str, Any]:
    return {key: value for key, value in asdict(channel).items() if value is not None}


def _channel(item: Any) -> ChannelInfo:
    given = item if isinstance(item, dict) else {}
    return ChannelInfo(
        name=_text(given.get("name")),
        emission_nm=_positive(given.get("emission_nm")),
        excitation_nm=_positive(given.get("excitation_nm")),
        color=_text(given.get("color")) or None,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) and "\0" not in value else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < _MOST else None
