"""From what a user wrote to what the steps use: channel indices and file names."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyama_core.errors import InputError
from pyama_core.io.checks import channel_index, check_consistent
from pyama_core.io.microscopy import open_microscopy
from pyama_core.io.types import MicroscopyMetadata
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext


def channel_indices(
    metadata: MicroscopyMetadata, channels: Channels
) -> tuple[int, tuple[int, ...]]:
    """Return the segmented channel and the measured ones as indices.

    Raises
    ------
    InputError
        A channel is not in the file, or is named twice, or `fl` is not a list.
    """
    _check_is_list(channels.fl)
    if channels.pc is None:
        raise InputError("No channel to segment is given: set channels.pc, for example to 0.")
    if not metadata.n_channels:
        metadata = completed(metadata)
    pc = channel_index(metadata, channels.pc)
    fl = tuple(channel_index(metadata, channel) for channel in channels.fl)
    if len(set(fl)) < len(fl):
        raise InputError(
            f"Fluorescence channels {list(channels.fl)} name one channel twice: give each once."
        )
    return pc, fl


def _check_is_list(fl: Any) -> None:
    if isinstance(fl, str) or not isinstance(fl, Iterable):
        raise InputError(
            f"Fluorescence channels are given as {fl!r}: give a list such as [1, 2], "
            "an empty one where none is measured."
        )


def completed(metadata: MicroscopyMetadata) -> MicroscopyMetadata:
    """Return metadata with all that the file says, where a user stated the sizes only.

    Raises
    ------
    InputError
        What was stated contradicts the file.
    """
    if metadata.time_source:
        return metadata
    with open_microscopy(metadata.file_path) as source:
        return complete_from(metadata, source.metadata)


def complete_from(stated: MicroscopyMetadata, actual: MicroscopyMetadata) -> MicroscopyMetadata:
    """Return what a source says of itself under the user's name, with a scale it does not know."""
    check_consistent(stated, actual)
    return replace(
        actual,
        base_name=stated.base_name or actual.base_name,
        pixel_size_um=actual.pixel_size_um or stated.pixel_size_um,
        z_step_um=actual.z_step_um or stated.z_step_um,
    )


def layout_of(metadata: MicroscopyMetadata, context: ProcessingContext, output_dir: Path) -> Layout:
    """Return the names of all files that a run of this context writes into `output_dir`."""
    pc, fl = channel_indices(metadata, context.channels)
    return Layout(Path(output_dir), metadata.base_name, pc, fl)
