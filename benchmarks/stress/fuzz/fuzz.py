"""Damages one file a case, and uses it in a child with little memory and little time."""

import os
import shutil
from pathlib import Path
from typing import Final

from benchmarks.stress import children
from benchmarks.stress.cases import Case, Outcome
from benchmarks.stress.fuzz.remembered import Remembered, remembered
from benchmarks.stress.fuzz.sources import make_sources
from benchmarks.stress.fuzz.targets import TARGETS, Setting, Target

SECONDS: Final = 60.0
_N: Final = 2000
_MOST_MUTATIONS: Final = 3
_DEAD_SECONDS: Final = 3600.0
_INDEXES: Final = ("pyama.yaml", "later_pyama.yaml")
_LOCK: Final = ".lock"


class Fuzz:
    """Takes kind of file, damage and use by the number of the case."""

    def __init__(self, folder: Path) -> None:
        self._sources = folder / "sources"
        self._experiment = make_sources(self._sources)
        self._targets = [target for target in TARGETS for _ in range(target.weight)]
        self._remembered = remembered()

    def default_n(self) -> int:
        """Return how many files are damaged."""
        return _N

    def always(self) -> list[int]:
        """Return the numbers of the inputs that failed once, which are tried in every run."""
        return [-1 - k for k in range(len(self._remembered))]

    def run(self, case: Case, folder: Path) -> Outcome:
        """Damage a file and use it."""
        known = self._remembered[-1 - case.number] if case.number < 0 else self._drawn(case)
        target = next(target for target in TARGETS if target.name == known.target)
        setting = self._set_up(target, known, folder)
        ended = children.run(
            target.uses[known.use](setting),
            folder / "said",
            seconds=SECONDS,
            memory=children.MEMORY_BYTES,
        )
        about = f"{target.name}, {known.file}: {known.how}, then {known.use}"
        failed = ended.kind in children.FAILURES
        return Outcome(ended.kind, about, failed, ended.text, target.name, value=known)

    def _drawn(self, case: Case) -> Remembered:
        target = self._targets[case.number % len(self._targets)]
        rng = case.rng()
        file = target.files[int(rng.integers(len(target.files)))]
        content, how = self._source(file).read_bytes(), []
        for _ in range(int(rng.integers(1, _MOST_MUTATIONS + 1))):
            mutation = target.mutations[int(rng.integers(len(target.mutations)))]
            content = mutation(content, rng)
            how.append(mutation.__name__.replace("_", " "))
        use = list(target.uses)[int(rng.integers(len(target.uses)))]
        return Remembered(target.name, file, use, ", ".join(how), content)

    def _set_up(self, target: Target, known: Remembered, folder: Path) -> Setting:
        """Give a case its own results, with the damaged file among or beside them."""
        results = folder / "results"
        shutil.copytree(
            self._sources / "results", results, ignore=shutil.ignore_patterns(*_INDEXES, _LOCK)
        )
        file = str(self._source(known.file).relative_to(self._sources))
        name = Path(file).name
        if name in _INDEXES:
            file = file.replace(name, "processing_results.yaml")
        damaged = folder / file
        damaged.write_bytes(known.content)
        if target.is_stale:
            long_ago = damaged.stat().st_mtime - _DEAD_SECONDS
            os.utime(damaged, (long_ago, long_ago))
        return Setting(self._experiment, results, damaged)

    def _source(self, file: str) -> Path:
        """Return the undamaged file of a name, or of a pattern."""
        return next(self._sources.glob(file))
