"""Importing the reading room stays light: workers and the command line start with it."""

import subprocess
import sys

HEAVY = ("nd2", "dask", "pandas", "numba", "scipy", "skimage", "pydantic", "matplotlib", "qtpy")


def test_importing_io_loads_nothing_heavy():
    code = f"import sys, pyama_core.io; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
