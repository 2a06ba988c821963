"""Does what a user states fit what the source holds."""

import math
from collections.abc import Iterator
from numbers import Integral
from pathlib import Path
from typing import Any, Final

from pyama_core.channels import find_channel, list_channels
from pyama_core.errors import InputError
from pyama_core.io.types import MicroscopyMetadata

_COMPARED: Final = (
    ("n_fovs", None),
    ("n_frames", None),
    ("height", None),
    ("width", None),
    ("n_channels", 0),
    ("n_z", 1),
    ("dtype", ""),
    ("channel_names", ()),
    ("fov_names", ()),
    ("pixel_size_um", None),
    ("z_step_um", None),
)
"""Fields that have to agree, and the value that stands for "not stated"."""

_LENGTHS: Final = ("pixel_size_um", "z_step_um")
"""Fields that are the user's to state where the source does not know them."""

_RELATIVE_TOLERANCE: Final = 1e-3


def check_consistent(stated: MicroscopyMetadata, actual: MicroscopyMetadata) -> None:
    """Check metadata made by hand against those of the source.

    FOVs, frames, height and width are always stated; other fields left at 0, empty or None are
    not, and neither is ``n_z`` of 1. A scale may be stated where the source knows none.

    Raises
    ------
    InputError
        A stated field contradicts the source; names every such field and both values. Or the
        name cannot be part of a file name.
    """
    _check_base_name(stated.base_name)
    contradictions = list(_contradictions(stated, actual))
    if contradictions:
        raise InputError(
            f"The metadata contradict {actual.file_path.name}: {'; '.join(contradictions)}. "
            "Leave out what you do not know, or take the metadata from open_microscopy."
        )


def _check_base_name(name: str) -> None:
    """Keep a name with a slash from sending files into folders where nothing looks for them."""
    if Path(name).name != name:
        raise InputError(
            f"base_name is {name!r}, which cannot begin a file name: give a name without folders."
        )


def _contradictions(stated: MicroscopyMetadata, actual: MicroscopyMetadata) -> Iterator[str]:
    for name, unstated in _COMPARED:
        given, found = getattr(stated, name), getattr(actual, name)
        if given == unstated or given is None:
            continue
        if name in _LENGTHS and not 0 < given < math.inf:
            yield f"{name} is given as {given!r}, which is no length"
        elif found is not None and not _agree(given, found):
            yield f"{name} is given as {given!r}, the file has {found!r}"
    times = stated.frame_times_min
    if times is not None and times.shape != (actual.n_fovs, actual.n_frames):
        expected = (actual.n_fovs, actual.n_frames)
        yield f"frame_times_min has shape {times.shape}, the file needs {expected}"


def _agree(given: Any, found: Any) -> bool:
    if isinstance(given, float) and isinstance(found, float):
        return math.isclose(given, found, rel_tol=_RELATIVE_TOLERANCE)
    return bool(given == found)


def channel_index(metadata: MicroscopyMetadata, channel: int | str) -> int:
    """Find the index of a channel given by index or name.

    A number is an index. Text is matched with the names first, exactly, then whatever the case;
    text that is no name is taken as an index.

    Raises
    ------
    InputError
        There is no such channel, or several of that name, or the text is the name of one channel
        and the index of another, or it is neither index nor name; lists the channels.
    """
    if isinstance(channel, str):
        names, file = metadata.channel_names, metadata.file_path.name
        return find_channel(channel, names, metadata.n_channels, file=file)
    if not _is_index(channel):
        raise InputError(
            f"A channel is given as {channel!r}: give an index or a name; {_listed(metadata)}."
        )
    if not 0 <= channel < metadata.n_channels:
        raise InputError(f"There is no channel {channel}: {_listed(metadata)}.")
    return int(channel)


def _is_index(channel: Any) -> bool:
    return isinstance(channel, Integral) and not isinstance(channel, bool)


def _listed(metadata: MicroscopyMetadata) -> str:
    listed = list_channels(metadata.channel_names, metadata.n_channels)
    return f"{metadata.file_path.name} has {listed}"
