"""What was made of a FOV: one status file per FOV, the truth about its results."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, TypeAdapter, ValidationError

from pyama_core.errors import InputError
from pyama_core.io.atomic import write_text
from pyama_core.messages import Message

StepState = Literal["done", "failed", "pruned"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """All that decides what a step writes."""

    input: str
    version: int
    params: dict[str, Any] = field(default_factory=dict)
    channels: dict[str, Any] = field(default_factory=dict)
    """How each raw channel used is taken from the file."""
    reads: dict[str, str] = field(default_factory=dict)
    """Keys of the steps read."""


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """One written file: name inside the FOV's folder, size and content digest."""

    name: str
    size: int
    digest: str


def _as_message(value: object) -> object:
    """Take sentences without a weight, as they were recorded once, for information."""
    return {"text": value} if isinstance(value, str) else value


Messages = Annotated[
    tuple[Annotated[Message, BeforeValidator(_as_message)], ...],
    Field(validation_alias=AliasChoices("messages", "notes")),
]
"""Messages of a step; ``notes`` is what status files called them once."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """Outcome of one step."""

    state: StepState
    stamp: Stamp
    seconds: float = 0.0
    outputs: tuple[OutputRecord, ...] = ()
    messages: Messages = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class FovStatus:
    """Outcome of all steps of one FOV, by step name."""

    steps: dict[str, StepRecord] = field(default_factory=dict)

    @property
    def error(self) -> str:
        """Which step failed and why, empty where none did."""
        failed = (f"{n}: {step.error}" for n, step in self.steps.items() if step.state == "failed")
        return next(failed, "")

    def of(self, steps: Collection[str]) -> "FovStatus":
        """Return the outcome of some of the steps."""
        return FovStatus({name: step for name, step in self.steps.items() if name in steps})


_ADAPTER = TypeAdapter(FovStatus)


def read_status(path: Path) -> FovStatus:
    """Read a status file; an empty status where there is none.

    Raises
    ------
    InputError
        The file is damaged.
    """
    if not path.exists():
        return FovStatus()
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except ValidationError:
        raise InputError(
            f"The status file {path} is damaged: remove it, and its FOV is done again."
        ) from None


def write_status(path: Path, status: FovStatus) -> None:
    """Write a status file so that it appears whole."""
    write_text(path, _ADAPTER.dump_json(status, indent=1).decode())


def record_step(path: Path, step: str, record: StepRecord) -> FovStatus:
    """Add or replace the outcome of one step."""
    status = FovStatus({**read_status(path).steps, step: record})
    write_status(path, status)
    return status
