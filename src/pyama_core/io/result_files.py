"""The files of one field of view in a results folder, whatever the layout calls them."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ChannelPath = tuple[int, Path]
"""A channel index and the file that holds its data."""


@dataclass
class ResultsPathsPerFOV:
    """Files of one field of view; None or empty where there is none."""

    pc: ChannelPath | None = None
    fl: list[ChannelPath] = field(default_factory=list)
    seg: ChannelPath | None = None
    seg_labeled: ChannelPath | None = None
    """Tracked cell ids."""
    fl_corrected: list[ChannelPath] = field(default_factory=list)
    traces_csv: list[ChannelPath] = field(default_factory=list)
    """One entry per channel; several may be one file (see `io.traces.read_traces`)."""
    seg_instances: ChannelPath | None = None
    """Untracked instances."""
    lineage: ChannelPath | None = None
    background: list[ChannelPath] = field(default_factory=list)
    fl_background: list[ChannelPath] = field(default_factory=list)
    """Background stacks ``(T, H, W)``, which later versions of PyAMA write."""

    def pairs(self) -> list[tuple[str, ChannelPath]]:
        """Every file with the name of its kind."""
        return [(kind, pair) for kind in _KINDS for pair in _listed(getattr(self, kind))]

    def existing(self) -> ResultsPathsPerFOV:
        """Leave out what is not on disk."""
        found: Found = defaultdict(list)
        for kind, pair in self.pairs():
            if pair[1].exists():
                found[kind].append(pair)
        return as_files(found, ())


_KINDS: Final = tuple(f.name for f in fields(ResultsPathsPerFOV))
_SINGLE: Final = frozenset(("pc", "seg", "seg_labeled", "seg_instances", "lineage"))
_SPECIFIED: Final = ("pc", "fl", "seg", "seg_labeled", "fl_corrected", "traces_csv")
_UNKNOWN_CHANNEL: Final = -1

_FOV_FOLDER: Final = re.compile(r"fov_(\d+)")
_FILE: Final = re.compile(
    r".+_fov_\d+_(?P<kind>[a-z_]+?)(?:_ch_(?P<channel>\d+))?\.(?:npy|npz|csv)"
)

Found = dict[str, list[ChannelPath]]
"""Files by kind as a folder or a YAML file has them; channel -1 where none is given."""


def fov_folders(folder: Path) -> dict[int, Path]:
    """Find the folder of every field of view, ascending."""
    found = {
        int(match[1]): entry
        for entry in folder.iterdir()
        if (match := _FOV_FOLDER.fullmatch(entry.name)) and entry.is_dir()
    }
    return dict(sorted(found.items()))


def scan_folder(folder: Path) -> dict[int, Found]:
    """Find the files of every field of view by their names."""
    found = {fov: scan_fov(entry) for fov, entry in fov_folders(folder).items()}
    return {fov: files for fov, files in found.items() if files}


def scan_fov(folder: Path) -> Found:
    """Find the files of one field of view by their names."""
    found: Found = defaultdict(list)
    for path in sorted(folder.iterdir()):
        match = _FILE.fullmatch(path.name)
        if match:
            found[match["kind"]].append((int(match["channel"] or _UNKNOWN_CHANNEL), path))
    return dict(found)


def listed_files(entry: Mapping[str, Any], folder: Path) -> Found:
    """Take the files of one field of view from a YAML file, looked for in `folder`.

    Raises
    ------
    TypeError, ValueError
        The entry is not of the form that PyAMA writes.
    """
    return {
        kind: [(channel, _at_home(path, folder)) for channel, path in _channel_paths(value)]
        for kind, value in entry.items()
    }


def as_files(found: Found, fl: Iterable[int]) -> ResultsPathsPerFOV:
    """Sort what was found into the kinds of layout A.

    Parameters
    ----------
    found
        Files by kind of any layout.
    fl
        Fluorescence channels, whose traces a table without a channel in its name holds.
    """
    found = dict(found)
    if "seg_tracked" in found:
        found["seg_instances"] = found.get("seg_labeled", [])
        found["seg_labeled"] = found["seg_tracked"]
    traces = [*found.get("traces_csv", []), *found.get("traces", [])]
    found["traces_csv"] = [pair for given in traces for pair in _of_channels(given, fl)]
    files = ResultsPathsPerFOV()
    for kind, pairs in found.items():
        if kind in _KINDS and pairs:
            setattr(files, kind, pairs[0] if kind in _SINGLE else sorted(pairs))
    return files


def relative_entry(files: ResultsPathsPerFOV, folder: Path) -> dict[str, Any]:
    """Return what the YAML file says of one field of view, with paths relative to `folder`."""
    entry: dict[str, Any] = {kind: None if kind in _SINGLE else [] for kind in _SPECIFIED}
    for kind, (channel, path) in files.pairs():
        pair = [channel, _relative(str(path), f"{folder}{os.sep}")]
        if kind in _SINGLE:
            entry[kind] = pair
        else:
            entry.setdefault(kind, []).append(pair)
    return entry


def _listed(value: ChannelPath | list[ChannelPath] | None) -> list[ChannelPath]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _channel_paths(value: Any) -> list[tuple[int, str]]:
    """Read ``path``, ``[channel, path]``, a list or a mapping of them."""
    if not value:
        return []
    if isinstance(value, str):
        return [(_UNKNOWN_CHANNEL, value)]
    if isinstance(value, dict):
        return [(int(channel), str(path)) for channel, path in value.items()]
    if len(value) == 2 and isinstance(value[0], int):
        return [(value[0], str(value[1]))]
    return [pair for item in value for pair in _channel_paths(item)]


def _at_home(written: str, folder: Path) -> Path:
    """Find a file by the last two parts of its path, so that moved folders are read.

    The path may come from another operating system.
    """
    near = folder.joinpath(*re.split(r"[\\/]", written)[-2:])
    path = folder / written
    return path if path.exists() and not near.exists() else near


def _of_channels(given: ChannelPath, fl: Iterable[int]) -> list[ChannelPath]:
    if given[0] != _UNKNOWN_CHANNEL:
        return [given]
    return [(channel, given[1]) for channel in fl]


def _relative(path: str, folder: str) -> str:
    return path.removeprefix(folder).replace(os.sep, "/") if path.startswith(folder) else path
