"""The files of one field of view in a results folder, whatever the layout calls them."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pyama_core.errors import ReadError
from pyama_core.io.untrusted import InsideFolder, is_plain_name, read_regular

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


_KINDS: Final = tuple(f.name for f in fields(ResultsPathsPerFOV))
_SINGLE: Final = frozenset(("pc", "seg", "seg_labeled", "seg_instances", "lineage"))
_SPECIFIED: Final = ("pc", "fl", "seg", "seg_labeled", "fl_corrected", "traces_csv")
_UNKNOWN_CHANNEL: Final = -1

STATUS_FILE: Final = "status.json"
"""What was made of a FOV; only folders written by this program have one."""

_COMPLETED_STATES: Final = ("done", "pruned")

_FOV_FOLDER: Final = re.compile(r"fov_(\d{3,6})", re.ASCII)
_FILE: Final = re.compile(
    r"[^.].*_fov_\d+_(?P<kind>[a-z_]+?)(?:_ch_(?P<channel>\d{1,4}))?\.(?:npy|npz|csv)", re.ASCII
)
_MOST_CHANNELS: Final = 10_000
_MOST_FOVS: Final = 1_000_000
"""Bounds of what a microscope records, far above it: lists are made as long as these numbers."""

_MOST_PARTS: Final = 2
"""Folder and name, which are what stays of a path when its results folder is moved."""

Found = dict[str, list[ChannelPath]]
"""Files by kind as a folder or a YAML file has them; channel -1 where none is given."""


@dataclass
class Listed:
    """Files that a YAML file lists."""

    found: Found = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Paths that are not there."""
    outside: list[str] = field(default_factory=list)
    """Paths that lead to something else than a regular file of the results folder."""


def fov_folder_name(fov: int) -> str:
    """Folder of one field of view inside the results folder."""
    return f"fov_{fov:03d}"


def fov_folders(folder: Path) -> dict[int, Path]:
    """Find the folder of every field of view, ascending; links that lead out are none."""
    root = Path(os.path.realpath(folder))
    found = {
        int(match[1]): entry
        for entry in folder.iterdir()
        if (match := _FOV_FOLDER.fullmatch(entry.name))
        and entry.name == fov_folder_name(int(match[1]))
        and entry.is_dir()
        and (not entry.is_symlink() or Path(os.path.realpath(entry)).is_relative_to(root))
    }
    return dict(sorted(found.items()))


def scan_folder(folder: Path) -> dict[int, Found]:
    """Find the files of every field of view by their names."""
    found = {fov: scan_fov(entry) for fov, entry in fov_folders(folder).items()}
    return {fov: files for fov, files in found.items() if files}


def scan_fov(folder: Path) -> Found:
    """Find the files of one field of view by their names.

    Where a status file says what was completed, only that counts: a run may be at work, or was
    killed. A folder without one, such as PyAMA's, is taken as it is.
    """
    inside, recorded = InsideFolder(folder.parent), completed_outputs(folder)
    paths = sorted(folder.iterdir()) if recorded is None else [folder / name for name in recorded]
    found: Found = defaultdict(list)
    for path in paths:
        match = _FILE.fullmatch(path.name)
        if match and inside.place(path) == "inside" and _has_size(path, recorded):
            found[match["kind"]].append((int(match["channel"] or _UNKNOWN_CHANNEL), path))
    return dict(found)


def completed_outputs(folder: Path) -> dict[str, int] | None:
    """Return names and sizes of a FOV's files that its status file says are complete.

    Returns
    -------
    dict or None
        Empty where the status file is damaged, None where there is none.
    """
    try:
        content = json.loads(read_regular(folder / STATUS_FILE))
        steps = [s for s in content["steps"].values() if s["state"] in _COMPLETED_STATES]
        outputs = [output for step in steps for output in step["outputs"]]
        return {o["name"]: int(o["size"]) for o in outputs if is_plain_name(o["name"])}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ReadError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _has_size(path: Path, recorded: Mapping[str, int] | None) -> bool:
    return recorded is None or path.stat().st_size == recorded[path.name]


def listed_files(entry: Mapping[str, Any], inside: InsideFolder, folder: Path) -> Listed:
    """Take the files of one field of view from a YAML file, looked for in `folder`.

    Raises
    ------
    TypeError, ValueError
        The entry is not of the form that PyAMA writes.
    """
    listed = Listed()
    for kind, value in entry.items():
        for channel, written in _channel_paths(value):
            path = _at_home(written, inside, folder)
            if isinstance(path, Path):
                listed.found.setdefault(str(kind), []).append((channel, path))
            else:
                getattr(listed, path).append(written)
    return listed


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
    """Read ``path``, ``[channel, path]``, a list or a mapping of them.

    Raises
    ------
    TypeError, ValueError
        It is none of these.
    """
    if not value:
        return []
    if isinstance(value, dict):
        return [(checked_channel(channel), _text(path)) for channel, path in value.items()]
    if isinstance(value, str) or _is_pair(value):
        return [_channel_path(value)]
    return [_channel_path(item) for item in value if item]


def _channel_path(value: Any) -> tuple[int, str]:
    if isinstance(value, str):
        return _UNKNOWN_CHANNEL, value
    channel, path = value
    return checked_channel(channel), _text(path)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and not isinstance(value[0], str | list)


def _text(path: Any) -> str:
    if not isinstance(path, str):
        raise TypeError(f"{path!r} is not a path")
    return path


def checked_channel(channel: Any) -> int:
    """Return a channel's number as a YAML file has it; raise ValueError where it is none."""
    return _checked_number(channel, _MOST_CHANNELS)


def checked_fov(fov: Any) -> int:
    """Return a FOV's number as a YAML file has it; raise ValueError where it is none."""
    return _checked_number(fov, _MOST_FOVS)


def _checked_number(value: Any, end: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or not 0 <= int(value) < end:
        raise ValueError(f"{value!r} is not a number from 0 to {end - 1}")
    return int(value)


def _at_home(
    written: str, inside: InsideFolder, folder: Path
) -> Path | Literal["missing", "outside"]:
    """Find a file by the last two parts of its path, so that moved folders are read.

    The path may come from another operating system.
    """
    parts = re.split(r"[\\/]", written)[-_MOST_PARTS:]
    candidates = (folder.joinpath(*parts), folder / written)
    places = [inside.place(path) for path in candidates]
    for path, place in zip(candidates, places, strict=True):
        if place == "inside":
            return path
    return "outside" if "outside" in places else "missing"


def _of_channels(given: ChannelPath, fl: Iterable[int]) -> list[ChannelPath]:
    if given[0] != _UNKNOWN_CHANNEL:
        return [given]
    return [(channel, given[1]) for channel in fl]


def _relative(path: str, folder: str) -> str:
    return path.removeprefix(folder).replace(os.sep, "/") if path.startswith(folder) else path
