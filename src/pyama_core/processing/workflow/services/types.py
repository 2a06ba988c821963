"""What passes between the steps: channels, paths, parameters."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyama_core.io.result_files import ChannelPath, ResultsPathsPerFOV
from pyama_core.messages import Message, Weight

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
    """Configuration, parameters and results of a workflow, kept up to date in place.

    Attributes
    ----------
    messages
        What the steps say of each FOV, by FOV.
    """

    output_dir: Path
    channels: Channels
    results_paths: dict[int, ResultsPathsPerFOV] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    time_units: str = "min"
    messages: dict[int, list[Message]] = field(default_factory=dict)

    def paths(self, fov: int) -> ResultsPathsPerFOV:
        """Return the files of one FOV, an empty record where there are none yet."""
        return self.results_paths.setdefault(fov, ResultsPathsPerFOV())

    def add_message(self, fov: int, text: str, weight: Weight = "info") -> None:
        """Record a sentence that the user should know of one FOV."""
        self.add_messages(fov, [Message(text, weight)])

    def add_messages(self, fov: int, messages: Iterable[Message]) -> None:
        """Record sentences that the user should know of one FOV."""
        self.messages.setdefault(fov, []).extend(messages)
