"""Tries every hostile folder, and looks whether anything outside was touched."""

from pathlib import Path
from typing import Final

from benchmarks.stress import children
from benchmarks.stress.cases import Case, Outcome
from benchmarks.stress.experiment import make_experiment
from benchmarks.stress.hostile.outside import contents, watching
from benchmarks.stress.hostile.scenarios import Scene, scenarios, task_of
from benchmarks.stress.marks import OLD_MARKS, save_some_marks

SECONDS: Final = 30.0


class Hostile:
    """Takes the scenarios in turn, in an order that the seed decides."""

    def __init__(self, folder: Path) -> None:
        self._experiment = make_experiment(folder / "experiment")
        reference = self._experiment.reference
        children.run(
            lambda: save_some_marks(reference, OLD_MARKS), folder / "marking", seconds=SECONDS
        )
        self._scenarios = scenarios()

    def default_n(self) -> int:
        """Return the number of scenarios, each of which is tried once."""
        return len(self._scenarios)

    def always(self) -> list[int]:
        """Return no cases: no scenario matters more than the others."""
        return []

    def run(self, case: Case, folder: Path) -> Outcome:
        """Make the folder, use it, compare what is outside with what was there before."""
        order = Case(case.part, case.seed, 0).rng().permutation(len(self._scenarios))
        scenario = self._scenarios[int(order[case.number % len(order)])]
        scene = Scene(
            experiment=self._experiment,
            results=self._experiment.copy_of_results(folder / "results"),
            outside=self._experiment.copy_of_results(folder / "outside"),
            marker=folder / "code-was-run",
        )
        scenario.prepare(scene)
        before = contents(scene.outside)
        log = folder / "touched"
        ended = children.run(
            watching(scene.outside, log, task_of(scenario.use, scene)),
            folder / "said",
            seconds=SECONDS,
            memory=children.MEMORY_BYTES,
        )
        about = f"{scenario.name}, then {scenario.use}"
        touched = log.read_text() if log.exists() else ""
        problem = _problem(scene, before, touched) or ended.kind
        failed = problem not in ("result", "one sentence")
        return Outcome(problem, about, failed, f"{touched}{ended.text}", scenario.group)


def _problem(scene: Scene, before: dict[str, object], touched: str) -> str:
    """Say what was done that must not be; empty where nothing was."""
    if scene.marker.exists():
        return "code of a file was run"
    if contents(scene.outside) != before:
        return "something outside was changed"
    if any(not line.startswith("open ") for line in touched.splitlines()):
        return "something outside was touched"
    return "something outside was opened" if touched else ""
