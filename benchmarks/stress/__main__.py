"""``make stress``: runs one part or all, counts what came out, and keeps the counts in docs/."""

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

if not hasattr(os, "fork"):
    sys.exit("The stress bench needs a system that can fork: Linux or macOS.")

_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
for _name in _ONE_THREAD:  # Before NumPy is loaded: children are forked, and threads are not.
    os.environ.setdefault(_name, "1")
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # Others reserve more than is allowed.

from benchmarks.stress.cases import Case, Counts, Outcome, Part, reason, run_cases  # noqa: E402
from benchmarks.stress.experiment import preload  # noqa: E402
from benchmarks.stress.fuzz.remembered import Remembered, remember  # noqa: E402
from benchmarks.stress.page import keep, section  # noqa: E402

PARTS: Final = {
    "kill": ("Kill", 5),
    "fuzz": ("Fuzz", 28),
    "disk": ("Disk", 8),
    "race": ("Race", 3),
    "cluster": ("Cluster", 2),
    "hostile": ("Hostile", 14),
}
"""Class of every part, in a module of its name, and how many of its cases `make test` runs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; return 1 where a case failed."""
    options = _options(arguments)
    preload()
    n_failures = 0
    for part in PARTS if options.part == "all" else [options.part]:
        n_failures += len(_run_part(part, options).failures)
    return 1 if n_failures else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stress", description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=["all", *PARTS])
    parser.add_argument("--n", type=int, help="cases of each part")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, nargs="+", help="replay cases by number, and show all")
    parser.add_argument("--quick", action="store_true", help="60 cases in all, as in make test")
    parser.add_argument("--no-page", action="store_true", help="leave docs/ as it is")
    parser.add_argument("--failures", type=Path, help="append failures to this file, too")
    parser.add_argument("--remember", action="store_true", help="keep inputs that fail for good")
    return parser.parse_args(arguments)


def _run_part(name: str, options: argparse.Namespace) -> Counts:
    started = time.monotonic()
    counts = Counts(name, options.seed)
    with tempfile.TemporaryDirectory(prefix=f"stress-{name}-") as scratch:
        part = _made(name, Path(scratch))
        n = _number_of_cases(name, part, options)
        numbers = [*part.always(), *range(n)] if options.only is None else options.only
        cases = [Case(name, options.seed, number) for number in numbers]

        def report(case: Case, outcome: Outcome) -> None:
            counts.add(case, outcome)
            _say(case, outcome, options)

        run_cases(part, cases, lambda: Path(tempfile.mkdtemp(dir=scratch)), report)
    text = section(counts, stated_n=n)
    print(f"\n## {name} ({time.monotonic() - started:.0f} s)\n\n{text}\n", flush=True)
    if options.only is None and not options.no_page:
        keep(name, text)
    return counts


def _made(name: str, scratch: Path) -> Part:
    module = importlib.import_module(f"benchmarks.stress.{name}")
    part: Part = getattr(module, PARTS[name][0])(scratch)
    return part


def _number_of_cases(name: str, part: Part, options: argparse.Namespace) -> int:
    if options.quick:
        return PARTS[name][1]
    return part.default_n() if options.n is None else int(options.n)


def _say(case: Case, outcome: Outcome, options: argparse.Namespace) -> None:
    """Print failures as they come, and all of a case that is replayed."""
    if not outcome.failed and options.only is None:
        return
    text = f"{outcome.kind}: {outcome.about}\n  {case.replay}"
    print(text, flush=True)
    if options.only is not None:
        print(outcome.detail, flush=True)
    if options.remember and outcome.failed and isinstance(outcome.value, Remembered):
        remember(outcome.value, reason(outcome))
    if options.failures is not None and outcome.failed:
        with options.failures.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n{outcome.detail}\n\n")


if __name__ == "__main__":
    sys.exit(main())
