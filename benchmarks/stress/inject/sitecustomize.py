"""Python loads this in every worker that a child of the stress bench starts."""

from benchmarks.stress.triggers import arm_worker

arm_worker()
