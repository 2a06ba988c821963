"""What the user set on the plugin's page of the Preferences."""

import threading
from dataclasses import dataclass
from pathlib import Path

PLUGIN = "napari-pyama"

_reading = threading.Lock()
"""The first to ask for the Preferences has napari read them, and that may be any thread."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How runs are made unless a dock says otherwise."""

    n_workers: int = 2
    batch_size: int = 2
    output_dir: Path | None = None
    scheduler: str = ""
    """Address of a dask cluster; empty for this machine's processes."""


def run_settings() -> RunSettings:
    """Read the Preferences; the defaults where the plugin is not registered with napari."""
    from napari.settings import get_plugin_settings

    try:
        with _reading:
            run = get_plugin_settings(PLUGIN).run
    except KeyError:
        return RunSettings()
    folder = run.output_dir.strip()
    return RunSettings(
        run.n_workers, run.batch_size, Path(folder) if folder else None, run.scheduler.strip()
    )
