"""How far a run is: overall, per FOV and step, and how long it will take."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyama_core.messages import Message, Weight, rank
from pyama_core.processing.workflow.services.base import WORKFLOW, ProgressEvent


@dataclass
class FovProgress:
    """How far one FOV is."""

    steps: Sequence[str]
    """What is left to do for it at the start of the run."""
    step: str = ""
    message: str = "waiting"
    share: float = 0.0
    """Part of its work that is done, 0 to 1."""
    ended: bool = False
    failed: bool = False
    messages: Sequence[Message] = ()
    """What a user should know of it, once it has ended; the heaviest come first."""

    def take(self, event: ProgressEvent) -> None:
        """Take an event of one of its steps; a step's later passes do not go back."""
        if event["step"] not in self.steps:
            return
        self.step, self.message = event["step"], event["message"]
        within = (event["t"] + 1) / max(event["T"], 1)
        share = (list(self.steps).index(event["step"]) + within) / len(self.steps)
        self.share = max(self.share, min(share, 1.0))

    def end(self, message: str) -> None:
        """Take the news that it ended; one that failed or was cancelled got no further."""
        self.step, self.message, self.ended = "", message, True
        self.failed = message.startswith("failed")
        if message.startswith("done"):
            self.share = 1.0

    @property
    def weight(self) -> Weight:
        """How much attention it needs: that of its heaviest message."""
        if self.failed:
            return "error"
        return self.messages[0].weight if self.messages else "info"


@dataclass
class RunProgress:
    """How far a run is.

    Attributes
    ----------
    fovs
        Progress by FOV, for all FOVs of the run.
    note
        What the run as a whole is doing or waiting for, such as the compilation of kernels.
    """

    fovs: dict[int, FovProgress]
    note: str = ""
    _began: float = field(default_factory=time.monotonic)

    @classmethod
    def of_steps(cls, steps: Mapping[int, Sequence[str]]) -> "RunProgress":
        """Start from the steps each FOV has left to do."""
        progress = cls({fov: FovProgress(left) for fov, left in steps.items()})
        for fov in progress.fovs.values():
            if not fov.steps:
                fov.end("done before")
        return progress

    def take(self, event: ProgressEvent) -> int | None:
        """Take an event; return the FOV where it says that one ended."""
        if event["fov"] < 0:
            self.note = event["message"]
            return None
        self.note = ""
        fov = self.fovs.get(event["fov"])
        if fov is None:
            return None
        if event["step"] != WORKFLOW:
            fov.take(event)
            return None
        fov.end(event["message"])
        return event["fov"]

    def end(self, success: bool, messages: Mapping[int, Sequence[Message]]) -> None:
        """Take in that the run got to its end, and what a user should know of each FOV."""
        for number, fov in self.fovs.items():
            fov.messages = sorted(messages.get(number, ()), key=rank)
            if success and not fov.ended:
                fov.end("done")

    @property
    def share(self) -> float:
        """Part of the run's work that is done, 0 to 1."""
        to_do = [fov for fov in self.fovs.values() if fov.steps]
        if not to_do:
            return 1.0 if self.fovs else 0.0
        return sum(1.0 if fov.ended else fov.share for fov in to_do) / len(to_do)

    @property
    def failures(self) -> dict[int, str]:
        """Why FOVs failed."""
        return {number: fov.message for number, fov in self.fovs.items() if fov.failed}

    @property
    def order(self) -> list[int]:
        """The FOVs, those first that need most attention."""
        return sorted(self.fovs, key=lambda fov: (rank(Message("", self.fovs[fov].weight)), fov))

    @property
    def fovs_with_warnings(self) -> list[int]:
        """FOVs that are done, but of which there is something to look at."""
        return [n for n, fov in self.fovs.items() if not fov.failed and fov.weight != "info"]

    def seconds_left(self) -> float | None:
        """Estimate from what is done so far; None at the beginning."""
        if self.share < 0.02:
            return None
        return (time.monotonic() - self._began) * (1 - self.share) / self.share

    def in_words(self) -> str:
        """Say how many FOVs are through and how long it will take."""
        n_ended = sum(fov.ended for fov in self.fovs.values())
        if not self.share:
            return "Starting the processes that compute…"
        text = f"{n_ended} of {len(self.fovs)} FOVs are through"
        left = self.seconds_left()
        if left is None or n_ended == len(self.fovs):
            return f"{text}."
        return f"{text}, {duration(left)} left."


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def size(n_bytes: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"
