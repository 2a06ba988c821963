"""Microscopy files in, result folders and trace tables in and out."""

from pyama_core.io.checks import channel_index, check_consistent
from pyama_core.io.microscopy import (
    get_microscopy_channel_stack,
    get_microscopy_frame,
    get_microscopy_time_stack,
    load_microscopy_file,
    open_microscopy,
)
from pyama_core.io.projection import ZRule, read_projected, z_warning
from pyama_core.io.sources import ArraySource
from pyama_core.io.types import ChannelInfo, MicroscopyFile, MicroscopyMetadata

__all__ = [
    "ArraySource",
    "ChannelInfo",
    "MicroscopyFile",
    "MicroscopyMetadata",
    "ZRule",
    "channel_index",
    "check_consistent",
    "get_microscopy_channel_stack",
    "get_microscopy_frame",
    "get_microscopy_time_stack",
    "load_microscopy_file",
    "open_microscopy",
    "read_projected",
    "z_warning",
]
