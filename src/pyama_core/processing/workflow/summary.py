"""What a run left: cells, traces, seconds per step, failures."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pyama_core.columns import CELL, GOOD
from pyama_core.io.tables import read_table
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.status import FovStatus, read_status


@dataclass
class RunSummary:
    """Counts over the FOVs of a run."""

    n_fovs: int = 0
    n_cells: int = 0
    n_good: int = 0
    n_traces: int = 0
    seconds: Counter[str] = field(default_factory=Counter)
    """Seconds of work by step, over all FOVs."""
    failures: dict[int, str] = field(default_factory=dict)
    notes: dict[str, list[int]] = field(default_factory=dict)
    """What a user should know, and for which FOVs."""


def summarize(layout: Layout, fovs: Iterable[int]) -> RunSummary:
    """Read status and traces of some FOVs."""
    summary = RunSummary()
    for fov in fovs:
        summary.n_fovs += 1
        _add_status(summary, fov, read_status(layout.status(fov)))
        _add_traces(summary, layout, fov)
    return summary


def _add_status(summary: RunSummary, fov: int, status: FovStatus) -> None:
    if status.error:
        summary.failures[fov] = status.error
    for step, record in status.steps.items():
        summary.seconds[step] += record.seconds  # type: ignore[assignment]
        for note in record.notes:
            summary.notes.setdefault(note, []).append(fov)


def _add_traces(summary: RunSummary, layout: Layout, fov: int) -> None:
    paths = [layout.traces(fov, channel) for channel in layout.trace_channels()]
    tables = [read_table(path) for path in paths if path.exists()]
    if not tables:
        return
    cells, first = np.unique(tables[0][CELL], return_index=True)
    summary.n_cells += len(cells)
    summary.n_traces += len(cells) * len(tables)
    summary.n_good += int(np.count_nonzero(tables[0][GOOD][first])) * len(tables)
