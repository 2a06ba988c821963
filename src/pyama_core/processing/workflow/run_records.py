"""What happened in a run: one file a run, written when it starts and when it ends.

``runs/{utc}-{id}.json`` in the output folder holds all that tells a run a year later. A run that
was killed has no end in its file, and its process is gone.
"""

import json
import os
import shlex
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from pyama_core.columns import CELL, GOOD, REASON
from pyama_core.environment import system, versions
from pyama_core.errors import ReadError
from pyama_core.fov_ranges import format_fovs
from pyama_core.io.atomic import write_text
from pyama_core.io.trace_table import read_trace_table
from pyama_core.io.untrusted import read_regular
from pyama_core.messages import Message, warnings_of
from pyama_core.processes import as_json, is_running, process_from_json, this_process
from pyama_core.processing.workflow.layout import RUN_LOG, RUNS_FOLDER, Layout
from pyama_core.processing.workflow.locks import STALE_SECONDS
from pyama_core.processing.workflow.planning import PreparedRun
from pyama_core.processing.workflow.provenance import mixed_recipes_in
from pyama_core.processing.workflow.status import FovStatus, read_status

RUNNING: Final = "running"
KILLED: Final = "killed"
"""Outcome of a run that never wrote how it ended."""


class RunFile:
    """The file of one run.

    Parameters
    ----------
    run
        What it does.
    how
        How it does it: workers, what is kept and the like.
    """

    def __init__(self, run: PreparedRun, how: Mapping[str, Any]) -> None:
        now = datetime.now(UTC)
        self.id = uuid.uuid4().hex[:8]
        self.path = run.layout.output_dir / RUNS_FOLDER / f"{now:%Y%m%dT%H%M%SZ}-{self.id}.json"
        self._started = time.perf_counter()
        self._content: dict[str, Any] = {
            "id": self.id,
            "outcome": RUNNING,
            "started": now.isoformat(timespec="milliseconds"),
            "finished": "",
            "command": shlex.join(sys.argv),
            "folder": str(Path.cwd()),
            **_described(run),
            **how,
            "process": as_json(this_process()),
            "versions": versions(),
            "system": system(),
        }

    def start(self) -> None:
        """Write the file of a run that begins."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write()

    def touch(self) -> None:
        """Show other machines that the run is alive."""
        with suppress(OSError):
            os.utime(self.path)

    def finish(
        self,
        outcome: str,
        failures: Mapping[int, str],
        statuses: Mapping[int, FovStatus],
        warnings: list[str],
    ) -> None:
        """Write how a run ended.

        Parameters
        ----------
        failures
            What failed, by FOV, with the traceback.
        statuses
            Steps that this run did, by FOV.
        """
        self._content |= {
            "outcome": outcome,
            "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "seconds": round(time.perf_counter() - self._started, 2),
            "seconds_of_fovs": {str(fov): _seconds(status) for fov, status in statuses.items()},
            "failures": {str(fov): details for fov, details in failures.items()},
            "messages": list(_messages(statuses)),
            "warnings": warnings,
        }
        self._write()

    def _write(self) -> None:
        write_text(self.path, json.dumps(self._content, indent=1, ensure_ascii=False) + "\n")


def read_runs(output_dir: Path) -> list[dict[str, Any]]:
    """Return all runs into an output folder, oldest first.

    A file that is damaged counts for nothing, and the outcome of a run whose process is gone is
    that it was killed.
    """
    found = [*_runs_of_log(output_dir / RUN_LOG), *_runs_of_files(output_dir / RUNS_FOLDER)]
    return sorted(found, key=lambda run: str(run.get("started", "")))


def warnings_of_last_run(output_dir: Path) -> list[str]:
    """Return the warnings of the last run of this process into a folder."""
    me = as_json(this_process())
    for path in reversed(_run_files(output_dir / RUNS_FOLDER)):
        content = _read_json(path)
        if isinstance(content, dict) and content.get("process") == me:
            return [str(warning) for warning in content.get("warnings", ())]
    return []


def other_runs_alive(output_dir: Path, own_id: str) -> bool:
    """Return whether other runs into a folder are at work."""
    runs = _runs_of_files(output_dir / RUNS_FOLDER)
    return any(run["outcome"] == RUNNING and run.get("id") != own_id for run in runs)


def _described(run: PreparedRun) -> dict[str, Any]:
    metadata, layout = run.metadata, run.layout
    return {
        "file": str(metadata.file_path.absolute()),
        "input": run.input_key,
        "base_name": metadata.base_name,
        "output_dir": str(layout.output_dir.absolute()),
        "fovs": format_fovs(list(run.plans)),
        "channels": {"pc": layout.pc, "fl": list(layout.fl)},
        "channel_names": list(metadata.channel_names),
        "recipe": run.params.model_dump(mode="json"),
        "steps": {service.name: service.version for service in run.services},
        "time_source": metadata.time_source,
    }


def _seconds(status: FovStatus) -> dict[str, float]:
    return {step: round(record.seconds, 3) for step, record in status.steps.items()}


def _messages(statuses: Mapping[int, FovStatus]) -> Iterator[dict[str, str]]:
    fovs_of: dict[Message, list[int]] = {}
    for fov, status in statuses.items():
        for record in status.steps.values():
            for message in record.messages:
                fovs_of.setdefault(message, []).append(fov)
    for message, fovs in fovs_of.items():
        yield {"fovs": format_fovs(fovs), "weight": message.weight, "text": message.text}


def _runs_of_files(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in _run_files(folder):
        content = _read_json(path)
        if isinstance(content, dict):
            found.append(content | {"outcome": _outcome(path, content)})
    return found


def _run_files(folder: Path) -> list[Path]:
    return [] if folder.is_symlink() else sorted(folder.glob("[0-9]*.json"))


def _runs_of_log(path: Path) -> list[dict[str, Any]]:
    """Read the one log that folders had before each run had a file."""
    content = _read_json(path)
    return [run for run in content if isinstance(run, dict)] if isinstance(content, list) else []


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_regular(path))
    except (OSError, ReadError, ValueError, RecursionError):
        return None


def _outcome(path: Path, content: Mapping[str, Any]) -> str:
    outcome = str(content.get("outcome", ""))
    if outcome != RUNNING:
        return outcome
    process = process_from_json(content.get("process"))
    runs = is_running(process) if process else False
    if runs is None:
        with suppress(OSError):
            runs = abs(time.time() - path.stat().st_mtime) < STALE_SECONDS
    return RUNNING if runs else KILLED


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
