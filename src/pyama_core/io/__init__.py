"""Microscopy files in, result folders and trace tables in and out."""

from pyama_core.io.microscopy import (
    ChannelInfo,
    MicroscopyFile,
    MicroscopyMetadata,
    open_microscopy,
)

__all__ = ["ChannelInfo", "MicroscopyFile", "MicroscopyMetadata", "open_microscopy"]
