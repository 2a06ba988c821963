"""What a run left: cells, traces, seconds per step, failures."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from pyama_core.columns import CELL, GOOD, REASON
from pyama_core.errors import ReadError
from pyama_core.io.trace_table import read_trace_table
from pyama_core.messages import Message, warnings_of
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.mixed_recipes import mixed_recipes_in
from pyama_core.processing.workflow.prepare import PreparedRun
from pyama_core.processing.workflow.runlog import warnings_of_last_run
from pyama_core.processing.workflow.status import FovStatus, read_status


@dataclass
class RunSummary:
    """Counts over the FOVs of a run."""

    n_fovs: int = 0
    n_cells: int = 0
    n_good: int = 0
    n_traces: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """Traces that are not good, by the reason."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of work of this run by step, over all FOVs."""
    failures: dict[int, str] = field(default_factory=dict)
    messages: dict[Message, list[int]] = field(default_factory=dict)
    """What a user should know, and for which FOVs."""
    of_folder: list[Message] = field(default_factory=list)
    """What a user should know of the whole output folder, also of FOVs of other runs."""


def summarize(run: PreparedRun) -> RunSummary:
    """Read status and traces of the FOVs of a run that has ended."""
    summary = RunSummary(n_fovs=len(run.plans), of_folder=_messages_of_folder(run))
    for fov, before in run.statuses.items():
        status = read_status(run.layout.status(fov)).of([s.name for s in run.services])
        _add_status(summary, fov, status)
        _add_seconds(summary, before, status)
        _add_traces(summary, run.layout, fov)
    return summary


def _messages_of_folder(run: PreparedRun) -> list[Message]:
    folder, shown = run.layout.output_dir, run.metadata.warnings
    new = [warning for warning in warnings_of_last_run(folder) if warning not in shown]
    return [*warnings_of(new), *mixed_recipes_in(folder)]


def _add_status(summary: RunSummary, fov: int, status: FovStatus) -> None:
    if status.damage:
        summary.failures[fov] = status.damage
    if status.error:
        summary.failures[fov] = status.error
    for record in status.steps.values():
        for message in record.messages:
            summary.messages.setdefault(message, []).append(fov)


def _add_seconds(summary: RunSummary, before: FovStatus, after: FovStatus) -> None:
    """Add what this run worked; a step that it did not do still has the seconds it had."""
    earlier = {step: record.seconds for step, record in before.steps.items()}
    for step, record in after.steps.items():
        if record.seconds != earlier.get(step, 0.0):
            summary.seconds[step] = summary.seconds.get(step, 0.0) + record.seconds


def _add_traces(summary: RunSummary, layout: Layout, fov: int) -> None:
    paths = [layout.traces(fov, channel) for channel in layout.trace_channels()]
    written = [path for path in paths if path.exists()]
    if not written:
        return
    try:
        tables = [read_trace_table(path) for path in written]
    except ReadError as error:
        summary.messages.setdefault(Message(str(error), "error"), []).append(fov)
        return
    for table in tables:
        cells, first = np.unique(table[CELL], return_index=True)
        good = table[GOOD][first].astype(bool)
        summary.n_traces += len(cells)
        summary.n_good += int(np.count_nonzero(good))
        summary.rejected.update(table[REASON][first][~good].tolist())
    summary.n_cells += len(cells)
