"""Python loads this in every worker of a run that is to be killed: its folder is on the path."""

from benchmarks.stress.triggers import arm_worker

arm_worker()
