"""What passes between the steps: channels, paths, parameters."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyama_core.io.result_files import ChannelPath, ResultsPathsPerFOV

__all__ = ["ChannelPath", "Channels", "ProcessingContext", "ResultsPathsPerFOV"]


@dataclass
class Channels:
    """Which channels are processed, by index or by name.

    `pc` is the one that is segmented, `fl` those that are measured.
    """

    pc: int | str
    fl: list[int | str] = field(default_factory=list)


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
