"""From what a user wrote to what the steps use: channel indices and file names."""

from pathlib import Path

from pyama_core.errors import InputError
from pyama_core.io.checks import channel_index
from pyama_core.io.microscopy import MicroscopyMetadata
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext


def channel_indices(
    metadata: MicroscopyMetadata, channels: Channels
) -> tuple[int, tuple[int, ...]]:
    """Return the segmented channel and the measured ones as indices.

    Raises
    ------
    InputError
        A channel is not in the file, or is named twice.
    """
    pc = channel_index(metadata, channels.pc)
    fl = tuple(channel_index(metadata, channel) for channel in channels.fl)
    if len(set(fl)) < len(fl):
        raise InputError(
            f"Fluorescence channels {list(channels.fl)} name one channel twice: give each once."
        )
    return pc, fl


def layout_of(metadata: MicroscopyMetadata, context: ProcessingContext, output_dir: Path) -> Layout:
    """Return the names of all files that a run of this context writes into `output_dir`."""
    pc, fl = channel_indices(metadata, context.channels)
    return Layout(Path(output_dir), metadata.base_name, pc, fl)
