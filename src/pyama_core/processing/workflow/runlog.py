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
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyama_core.environment import system, versions
from pyama_core.errors import ReadError
from pyama_core.fov_ranges import format_fovs
from pyama_core.io.atomic import write_text
from pyama_core.io.untrusted import read_regular
from pyama_core.processes import as_json, is_running, process_from_json, this_process
from pyama_core.processing.workflow.layout import RUN_LOG, RUNS_FOLDER
from pyama_core.processing.workflow.locks import STALE_SECONDS
from pyama_core.processing.workflow.prepare import PreparedRun
from pyama_core.processing.workflow.status import FovStatus

if TYPE_CHECKING:
    from pyama_core.messages import Message

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
