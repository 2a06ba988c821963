"""What passes between the steps: channels, paths, parameters."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ChannelPath = tuple[int, Path]
"""A channel index and the file that holds its data."""


@dataclass
class Channels:
    """Which channels are processed, by index or by name.

    `pc` is the one that is segmented, `fl` those that are measured.
    """

    pc: int | str
    fl: list[int | str] = field(default_factory=list)


@dataclass
class ResultsPathsPerFOV:
    """Files of one field of view; None or empty where a step has not run."""

    pc: ChannelPath | None = None
    fl: list[ChannelPath] = field(default_factory=list)
    seg: ChannelPath | None = None
    seg_labeled: ChannelPath | None = None
    fl_corrected: list[ChannelPath] = field(default_factory=list)
    traces_csv: list[ChannelPath] = field(default_factory=list)
    seg_instances: ChannelPath | None = None
    lineage: ChannelPath | None = None
    background: list[ChannelPath] = field(default_factory=list)


@dataclass
class ProcessingContext:
    """Configuration, parameters and results of a workflow, kept up to date in place."""

    output_dir: Path
    channels: Channels
    results_paths: dict[int, ResultsPathsPerFOV] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    time_units: str = "min"

    def paths(self, fov: int) -> ResultsPathsPerFOV:
        """Return the files of one FOV, an empty record where there are none yet."""
        return self.results_paths.setdefault(fov, ResultsPathsPerFOV())
