"""What passes between the steps: channels, paths, parameters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyama_core.errors import InputError
from pyama_core.io.result_files import ChannelPath, ResultsPathsPerFOV
from pyama_core.messages import Message, Weight

__all__ = [
    "ChannelPath",
    "Channels",
    "ProcessingContext",
    "ResultsPathsPerFOV",
    "ensure_context",
]


@dataclass
class Channels:
    """Which channels are processed, by index or by name; may be made empty and filled later.

    `pc` is the one that is segmented, `fl` those that are measured.
    """

    pc: int | str | None = None
    fl: list[int | str] = field(default_factory=list)


@dataclass
class ProcessingContext:
    """Configuration, parameters and results of a workflow, kept up to date in place.

    It may be made empty and filled later: a run needs `output_dir` and the channels.

    Attributes
    ----------
    output_dir
        Where results go.
    channels
        Which channels are processed.
    results_paths
        Files of each FOV, by FOV.
    params
        Parameters of the steps as ``{step: {name: value}}``; what is not given has its default.
    time_units
        Minutes, the only unit that is written.
    messages
        What the steps say of each FOV, by FOV.
    """

    output_dir: Path | None = None
    channels: Channels = field(default_factory=Channels)
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


def ensure_context(context: ProcessingContext | None) -> ProcessingContext:
    """Return a context in which nothing is None but what only the user knows.

    Parameters
    ----------
    context
        A context whose fields may be None, filled in place; None for a new one. Its channels may
        be a mapping ``{"pc": 0, "fl": [1, 2]}``.

    Raises
    ------
    InputError
        The channels are neither.
    """
    if context is None:
        return ProcessingContext()
    empty = ProcessingContext()
    for name in ("channels", "results_paths", "params", "time_units", "messages"):
        if getattr(context, name) is None:
            setattr(context, name, getattr(empty, name))
    context.channels = _channels_of(context.channels)
    return context


def _channels_of(given: Any) -> Channels:
    if isinstance(given, Channels):
        return given
    if isinstance(given, Mapping) and set(given) <= {"pc", "fl"}:
        return Channels(given.get("pc"), list(given.get("fl") or ()))
    raise InputError(
        f"Channels are given as {given!r}: give Channels(pc=0, fl=[1, 2]) or "
        "{'pc': 0, 'fl': [1, 2]}."
    )
