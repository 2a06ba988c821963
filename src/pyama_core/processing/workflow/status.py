"""What was made of a FOV: one status file per FOV, the truth about its results."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
)

from pyama_core.errors import ReadError
from pyama_core.io.atomic import digest_ends, digest_file, write_text
from pyama_core.io.untrusted import is_plain_name, read_regular
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


def _check_plain(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError(f"{name!r} is not the name of a file of this folder")
    return name


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """One written file of the FOV's folder."""

    name: Annotated[str, AfterValidator(_check_plain)]
    size: int
    """Bytes."""
    digest: str
    """Of the whole content."""
    ends: str = ""
    """Digest of its first and last bytes, which can be compared at any time."""


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
    damage: str = ""
    """What is wrong with the status file, empty where nothing is; not written."""

    @property
    def error(self) -> str:
        """Which step failed and why, empty where none did."""
        failed = (f"{n}: {step.error}" for n, step in self.steps.items() if step.state == "failed")
        return next(failed, "")

    def of(self, steps: Collection[str]) -> "FovStatus":
        """Return the outcome of some of the steps."""
        kept = {name: step for name, step in self.steps.items() if name in steps}
        return FovStatus(kept, self.damage)

    def without(self, steps: Collection[str]) -> "FovStatus":
        """Return the outcome of the other steps."""
        return self.of([name for name in self.steps if name not in steps])


@dataclass(frozen=True, slots=True)
class _Content:
    """What a status file holds."""

    steps: dict[str, StepRecord]


_ADAPTER = TypeAdapter(_Content)


def read_status(path: Path) -> FovStatus:
    """Read a status file.

    It is an empty status where there is none, and one with a `damage` where the file is damaged:
    then its FOV has to be done again.
    """
    try:
        return FovStatus(_ADAPTER.validate_json(read_regular(path)).steps)
    except (FileNotFoundError, NotADirectoryError):
        return FovStatus()
    except (ReadError, ValidationError):
        return FovStatus(
            damage=f"The status file {path} is damaged: its FOV is done again by a run."
        )


def write_status(path: Path, status: FovStatus) -> None:
    """Write a status file so that it appears whole."""
    write_text(path, _ADAPTER.dump_json(_Content(status.steps), indent=1).decode())


def record_step(path: Path, step: str, record: StepRecord) -> FovStatus:
    """Add or replace the outcome of one step."""
    status = FovStatus({**read_status(path).steps, step: record})
    write_status(path, status)
    return status


def record_output(path: Path, digest: str | None = None) -> OutputRecord:
    """Return the record of a file that was just written, whose digest may be known."""
    return OutputRecord(
        path.name, path.stat().st_size, digest or digest_file(path), digest_ends(path)
    )


def forget_steps(path: Path, steps: Collection[str]) -> None:
    """Take back what is recorded of steps that are about to be done again.

    Their files are replaced one by one, so from now on they are of no recipe in particular. The
    status file is there afterwards: it tells this program's folders from PyAMA's.
    """
    status = read_status(path)
    if status.damage or not path.exists() or {*status.steps} & {*steps}:
        write_status(path, status.without(steps))
