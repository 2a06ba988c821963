"""What happened in a run: versions, warnings, timings, failures; appended to the run log."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from pyama_core.io.atomic import write_text
from pyama_core.processing.workflow.layout import RUN_LOG

_PACKAGES: Final = ("napari-pyama", "numpy", "scipy", "numba", "nd2")


@dataclass
class RunRecord:
    """One call of the workflow."""

    file: str
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    finished: str = ""
    outcome: str = "unfinished"
    python: str = field(default_factory=platform.python_version)
    versions: dict[str, str] = field(default_factory=lambda: {p: version(p) for p in _PACKAGES})
    time_source: str = ""
    warnings: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    """What failed, by FOV, with the traceback."""
    seconds: float = 0.0


def finish(record: RunRecord, outcome: str, seconds: float, failures: Mapping[int, str]) -> None:
    """Fill in how a run ended."""
    record.finished = datetime.now(UTC).isoformat(timespec="seconds")
    record.outcome = outcome
    record.seconds = round(seconds, 2)
    record.failures = {str(fov): details for fov, details in failures.items()}


def append_run(output_dir: Path, record: RunRecord) -> None:
    """Add a run to the log of an output folder."""
    write_text(output_dir / RUN_LOG, json.dumps([*read_runs(output_dir), asdict(record)], indent=1))


def read_runs(output_dir: Path) -> list[dict[str, Any]]:
    """Return all runs into an output folder, oldest first; a damaged log counts as empty."""
    try:
        runs = json.loads((output_dir / RUN_LOG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return runs if isinstance(runs, list) else []
