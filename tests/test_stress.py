"""Sixty seeds of the stress bench, and every input that ever failed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SEED = 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the bench forks")
def test_no_case_of_the_stress_bench_fails() -> None:
    """The bench is a process of its own: what it forks must not take threads of tests along."""
    options = ["--quick", "--seed", str(SEED), "--no-page"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stress", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.count("0 failures") == 6
