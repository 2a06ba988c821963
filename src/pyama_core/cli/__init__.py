"""The command line: ``pyama info | recipe | run | status | merge | demo``."""

from pyama_core.cli.app import main

__all__ = ["main"]
