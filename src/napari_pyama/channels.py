"""Which channel is segmented and which are measured, unless the user says otherwise."""

from pyama_core.io import MicroscopyMetadata

ChannelChoice = tuple[int, tuple[int, ...]]
"""The segmented channel and the measured ones."""


def likely_channels(metadata: MicroscopyMetadata) -> ChannelChoice:
    """Take the first channel without an emission wavelength for phase, all others to measure."""
    channels = range(max(metadata.n_channels, 1))
    dark = [c for c, info in enumerate(metadata.channels) if info.emission_nm is None]
    pc = dark[0] if dark else 0
    return pc, tuple(c for c in channels if c != pc)
