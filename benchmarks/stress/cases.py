"""Cases, what became of them, and how many of each there were."""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Case:
    """One trial, decided by its numbers alone."""

    part: str
    seed: int
    number: int

    def rng(self) -> np.random.Generator:
        """Return the generator that decides everything about the case."""
        return np.random.default_rng((self.seed, self.number, zlib.crc32(self.part.encode())))

    @property
    def replay(self) -> str:
        """The command that runs this case alone and shows all of it."""
        return f"python -m benchmarks.stress {self.part} --seed {self.seed} --only {self.number}"


@dataclass(frozen=True)
class Outcome:
    """What became of a case."""

    kind: str
    """What it is counted as."""
    about: str
    """What was done in the case."""
    failed: bool = False
    detail: str = ""
    """What was printed, and where threads stood if it hung."""
    group: str = ""
    """What it is counted under."""
    value: Any = None
    """The input, where it can be kept."""


class Part(Protocol):
    """One kind of stress; made in a scratch folder of its own."""

    def default_n(self) -> int:
        """Return how many cases are run where no number is given."""
        ...

    def always(self) -> list[int]:
        """Return the numbers of cases that are run whatever number of cases is asked for."""
        ...

    def run(self, case: Case, folder: Path) -> Outcome:
        """Run a case in an empty folder."""
        ...


@dataclass
class Counts:
    """Outcomes of the cases of one part."""

    part: str
    seed: int
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Cases by group and outcome."""
    failures: list[tuple[Case, Outcome]] = field(default_factory=list)

    @property
    def n(self) -> int:
        """Cases that were run."""
        return self.kinds.total()

    def add(self, case: Case, outcome: Outcome) -> None:
        """Count an outcome."""
        self.kinds[outcome.group, outcome.kind] += 1
        if outcome.failed:
            self.failures.append((case, outcome))


def reason(outcome: Outcome) -> str:
    """Return in what way a case failed: its kind and its last line, without numbers."""
    lines = [line for line in outcome.detail.splitlines() if line.strip()]
    last = re.sub(r"/[^ ']+|0x[0-9a-f]+|\d+", "N", lines[-1])[:80] if lines else ""
    return f"{outcome.kind}: {last}"


def run_cases(
    part: Part,
    cases: Iterable[Case],
    new_folder: Callable[[], Path],
    report: Callable[[Case, Outcome], None],
) -> None:
    """Run cases one after the other, each in an empty folder of its own."""
    for case in cases:
        folder = new_folder()
        try:
            outcome = part.run(case, folder)
        finally:
            remove_folder(folder)
        report(case, outcome)


def remove_folder(folder: Path) -> None:
    """Remove a folder of a case, also where the case made parts of it unreadable."""
    import shutil

    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
