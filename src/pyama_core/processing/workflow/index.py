"""Keeping the output folder's index, tables and run file true while a run goes on."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pyama_core.io.atomic import only_beside, remove_forgotten, write_text
from pyama_core.io.experiment import write_experiment_table
from pyama_core.io.result_files import ResultsPathsPerFOV, as_files, fov_folders, scan_fov
from pyama_core.io.results import MADE_FROM, ResultsIndex, source_entry, write_results
from pyama_core.processing.workflow.execution.worker import Outcome
from pyama_core.processing.workflow.layout import (
    LOCK_FILE,
    RECIPE_YAML,
    RUNS_FOLDER,
    STATUS_FILE,
    TRACES_TABLE,
)
from pyama_core.processing.workflow.locks import HEARTBEAT_SECONDS, awaited_lock, remove_dead_locks
from pyama_core.processing.workflow.outputs import Keep, found_paths, prune_fov
from pyama_core.processing.workflow.planning import PreparedRun
from pyama_core.processing.workflow.recipe import recipe_text, written_channels
from pyama_core.processing.workflow.run_records import RunFile, other_runs_alive
from pyama_core.processing.workflow.status import FovStatus, StepRecord, read_status, record_step

_SECONDS_BETWEEN_WRITES: Final = 1.0
_PAUSE_PER_WRITE: Final = 20.0
"""How much longer than a write the pause after it is: on slow disks it costs 5 % of the time."""

_Signature = tuple[int, int, int] | None


@dataclass(frozen=True)
class _Entry:
    """What one FOV's status file said when it was read."""

    signature: _Signature
    files: ResultsPathsPerFOV
    error: str

    @property
    def is_empty(self) -> bool:
        return not self.error and not self.files.pairs()


class FolderIndex:
    """The index of all FOVs in an output folder, whichever runs make them.

    It may be written by several runs, under the folder's lock: each finds all that was recorded
    before, so whichever is last has everything.
    """

    def __init__(self, run: PreparedRun) -> None:
        self._run = run
        self._entries: dict[int, _Entry] = {}
        layout, context = run.layout, run.context
        self.content = ResultsIndex(
            output_dir=layout.output_dir,
            channels_pc=layout.pc,
            channels_fl=list(layout.fl),
            params=context.params,
            time_units=context.time_units,
        )

    def write(self) -> None:
        """Read what has changed, and write the index."""
        folders = fov_folders(self._run.layout.output_dir)
        self._entries = {fov: self._entry(fov, folder) for fov, folder in folders.items()}
        told = {fov: entry for fov, entry in self._entries.items() if not entry.is_empty}
        self.content.fovs = {fov: entry.files for fov, entry in told.items()}
        metadata = self._run.metadata
        self.content.extra = {
            MADE_FROM: source_entry(metadata),
            "warnings": list(metadata.warnings),
            "failures": {str(fov): entry.error for fov, entry in told.items() if entry.error},
        }
        write_results(self.content)

    def _entry(self, fov: int, folder: Path) -> _Entry:
        known, signature = self._entries.get(fov), _signature(folder / STATUS_FILE)
        if known is not None and signature is not None and known.signature == signature:
            return known
        files = as_files(scan_fov(folder), self._run.layout.trace_channels())
        return _Entry(signature, files, read_status(folder / STATUS_FILE).error)


class IndexWriter:
    """Writes an index in a thread of its own, at most once a second, and says that a run lives."""

    def __init__(self, index: FolderIndex, file: RunFile, lock: Path) -> None:
        self._index = index
        self._file = file
        self._lock = lock
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._keep_writing, name="index", daemon=True)
        self._thread.start()

    def mark_changed(self) -> None:
        """Have the index written soon.

        Raises
        ------
        OSError
            It could not be written.
        """
        if self._error is not None:
            raise self._error
        self._changed.set()

    def stop(self) -> None:
        """End the thread, after what it is writing."""
        self._stopped.set()
        self._changed.set()
        self._thread.join()

    def _keep_writing(self) -> None:
        try:
            with only_beside(self._file.path):
                while not self._stopped.is_set():
                    is_changed = self._changed.wait(HEARTBEAT_SECONDS)
                    self._file.touch()
                    if is_changed and not self._stopped.is_set():
                        self._stopped.wait(self._write())
        except Exception as error:
            self._error = error

    def _write(self) -> float:
        """Write the index, and return how long to wait before the next time."""
        self._changed.clear()
        started = time.monotonic()
        with awaited_lock(self._lock):
            self._index.write()
        seconds = time.monotonic() - started
        return max(_SECONDS_BETWEEN_WRITES, _PAUSE_PER_WRITE * seconds)


def _signature(path: Path) -> _Signature:
    """Tell whether a file was replaced; None where there is none."""
    try:
        known = path.stat()
    except OSError:
        return None
    return known.st_mtime_ns, known.st_size, known.st_ino


_TABLE_BYTES_PER_SECOND: Final = 20e6
"""About how fast the table of all traces is written."""
_TABLE_SHARE: Final = 0.1
"""Of the time that runs into one folder take, at most this goes into tables that others replace."""


class ResultsKeeper:
    """Takes the outcome of each FOV and keeps context, index and run file up to date.

    Parameters
    ----------
    run
        What is done.
    keep
        What stays of finished FOVs.
    how
        How it is done, for the run file: workers and the like.
    """

    def __init__(self, run: PreparedRun, keep: Keep, how: Mapping[str, Any] | None = None) -> None:
        self._run = run
        self._keep = keep
        self._file = RunFile(run, {"keep": keep, **(how or {})})
        self.failures: dict[int, str] = {}
        """Details of the FOVs that failed in this run."""
        unfinished = set(run.unfinished)
        self._done = {fov for fov in run.plans if fov not in unfinished}
        self._file.start()
        self._index = FolderIndex(run)
        with only_beside(self._file.path):
            for fov in self._done:
                if keep == "results":
                    prune_fov(run.layout, fov)
                self._take_in(fov)
            with awaited_lock(run.layout.index_lock):
                self._tidy()
                self._write_recipe()
                self._index.write()
        self._writer = IndexWriter(self._index, self._file, run.layout.index_lock)

    @property
    def n_done(self) -> int:
        """FOVs of this run that are complete."""
        return len(self._done)

    @property
    def n_ended(self) -> int:
        """FOVs of this run that are complete or failed."""
        return len(self._done) + len(self.failures)

    def finish(self, outcome: Outcome) -> None:
        """Take in what became of one FOV.

        Raises
        ------
        OSError
            The disk failed, or the output folder is gone.
        """
        if outcome.cancelled:
            return
        with only_beside(self._file.path):
            if outcome.error:
                self.failures[outcome.fov] = outcome.details or outcome.error
                self._record_failure(outcome)
            else:
                self._done.add(outcome.fov)
                if self._keep == "results":
                    prune_fov(self._run.layout, outcome.fov)
        self._take_in(outcome.fov)
        self._writer.mark_changed()

    def close(self, outcome: str) -> None:
        """Write the index, the table of all traces and how the run ended.

        One run after the other does so: whichever is last finds all that the others made.

        Raises
        ------
        OSError
            The disk failed, or the output folder is gone.
        """
        self._writer.stop()
        self._sort_paths()
        warnings = list(self._run.metadata.warnings)
        with only_beside(self._file.path):
            with awaited_lock(self._run.layout.index_lock):
                self._index.write()
                if not self._others_write_table():
                    warnings += self._write_table()
            self._file.finish(outcome, self.failures, self._statuses(), warnings)

    def _sort_paths(self) -> None:
        """Give the caller the FOVs in their order, whichever ended first."""
        paths = self._run.context.results_paths
        for fov in sorted(paths):
            paths[fov] = paths.pop(fov)

    def _tidy(self) -> None:
        """Remove what killed runs have left."""
        output_dir = self._run.layout.output_dir
        remove_forgotten(output_dir)
        remove_forgotten(output_dir / RUNS_FOLDER)
        folders = fov_folders(output_dir).values()
        remove_dead_locks(folder / LOCK_FILE for folder in folders)
        for fov in self._done:
            with suppress(OSError):
                remove_forgotten(self._run.layout.folder(fov))

    def _record_failure(self, outcome: Outcome) -> None:
        """Record the failure of a FOV whose worker died before it could do so."""
        path = self._run.layout.status(outcome.fov)
        status, before = read_status(path), self._run.statuses[outcome.fov]
        known = status.steps.get(outcome.failed_step)
        if known is not None and known.error == outcome.error:
            return
        steps = [service.name for service in self._run.services_to_run(outcome.fov)]
        left = (step for step in steps if status.steps.get(step) in (None, before.steps.get(step)))
        step = next(left, outcome.failed_step)
        record_step(path, step, StepRecord("failed", self._run.stamps[step], error=outcome.error))

    def _take_in(self, fov: int) -> None:
        self._run.context.results_paths[fov] = found_paths(self._run.layout, fov)

    def _statuses(self) -> dict[int, FovStatus]:
        """Return what this run has done of each FOV."""
        done = {}
        for fov, before in self._run.statuses.items():
            status = read_status(self._run.layout.status(fov))
            new = [step for step, r in status.steps.items() if r != before.steps.get(step)]
            done[fov] = status.of(new)
        return {fov: status for fov, status in done.items() if status.steps}

    def _others_write_table(self) -> bool:
        """Whether runs that are at work write the table anyhow, and it took long just now.

        A thousand runs of one FOV would otherwise write the traces of a thousand FOVs each.
        """
        table = self._run.layout.output_dir / TRACES_TABLE
        try:
            known = table.stat()
        except OSError:
            return False
        seconds = known.st_size / _TABLE_BYTES_PER_SECOND
        age = self._file.path.stat().st_mtime - known.st_mtime
        is_fresh = 0 <= age < seconds / _TABLE_SHARE
        return is_fresh and other_runs_alive(table.parent, self._file.id)

    def _write_table(self) -> list[str]:
        metadata = self._run.metadata
        messages = write_experiment_table(
            self._index.content,
            self._run.layout.output_dir / TRACES_TABLE,
            position_names=metadata.fov_names,
            channel_names=metadata.channel_names,
            pixel_size_um=metadata.pixel_size_um,
        )
        return [message.text for message in messages]

    def _write_recipe(self) -> None:
        layout = self._run.layout
        channels = written_channels(layout.pc, layout.fl, self._run.metadata.channel_names)
        write_text(layout.output_dir / RECIPE_YAML, recipe_text(self._run.params, channels))
