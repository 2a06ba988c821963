"""``fuzz``: damaged files end in a result or in one sentence."""

from benchmarks.stress.fuzz.fuzz import Fuzz

__all__ = ["Fuzz"]
