"""A few seeds of every part of the stress bench, and every input that ever failed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the bench forks")


@pytest.mark.parametrize(
    ("part", "n"),
    [("fuzz", 30), ("hostile", 14), ("disk", 8), ("kill", 5), ("race", 2), ("cluster", 1)],
)
def test_no_case_fails(part: str, n: int) -> None:
    """The bench is a process of its own: what it forks must not take threads of tests along."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.stress",
            part,
            "--n",
            str(n),
            "--seed",
            "0",
            "--no-page",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "0 failures" in done.stdout
