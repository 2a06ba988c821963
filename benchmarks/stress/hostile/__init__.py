"""``hostile``: folders made to have something outside read, written or removed, or run."""

from benchmarks.stress.hostile.hostile import Hostile

__all__ = ["Hostile"]
