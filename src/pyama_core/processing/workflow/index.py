"""Keeping the output folder's index, recipe and log true while a run goes on."""

import time
from pathlib import Path

from pyama_core.errors import InputError
from pyama_core.io.atomic import write_text
from pyama_core.io.experiment import write_experiment_table
from pyama_core.io.result_files import as_files, fov_folders, scan_fov
from pyama_core.io.results import ResultsIndex, write_results
from pyama_core.io.source_entry import MADE_FROM, source_entry
from pyama_core.processing.workflow.found import found_paths
from pyama_core.processing.workflow.jobs import Outcome
from pyama_core.processing.workflow.layout import RECIPE_YAML, STATUS_FILE, TRACES_TABLE
from pyama_core.processing.workflow.locks import awaited_lock
from pyama_core.processing.workflow.prepare import PreparedRun
from pyama_core.processing.workflow.prune import Keep, prune_fov
from pyama_core.processing.workflow.recipe import recipe_text, written_channels
from pyama_core.processing.workflow.runlog import RunRecord, append_run, finish
from pyama_core.processing.workflow.status import (
    FovStatus,
    StepRecord,
    read_status,
    record_step,
)


class ResultsKeeper:
    """Takes the outcome of each FOV and keeps context, index and log up to date."""

    def __init__(self, run: PreparedRun, keep: Keep) -> None:
        self._run = run
        self._keep = keep
        self._started = time.perf_counter()
        self._log = RunRecord(
            file=str(run.metadata.file_path),
            time_source=run.metadata.time_source,
            warnings=list(run.metadata.warnings),
        )
        self.failures: dict[int, str] = {}
        """Details of the FOVs that failed in this run."""
        unfinished = set(run.unfinished)
        errors = {fov: run.statuses[fov].error for fov in unfinished}
        self._errors = {fov: error for fov, error in errors.items() if error}
        """Which step of which FOV failed in this run or in others, and why."""
        self._done = {fov for fov in run.plans if fov not in unfinished}
        self._index = self._empty_index()
        self._take_in_others()
        for fov in self._done:
            if keep == "results":
                prune_fov(run.layout, fov)
            self._take_in(fov)
        self._write_recipe()
        self._write_index()

    @property
    def n_done(self) -> int:
        """FOVs of this run that are complete."""
        return len(self._done)

    @property
    def n_ended(self) -> int:
        """FOVs of this run that are complete or failed."""
        return len(self._done) + len(self.failures)

    def finish(self, outcome: Outcome) -> None:
        """Take in what became of one FOV."""
        if outcome.cancelled:
            return
        if outcome.error:
            self.failures[outcome.fov] = outcome.details or outcome.error
            self._errors[outcome.fov] = self._recorded(outcome).error
        else:
            self._errors.pop(outcome.fov, None)
            self._done.add(outcome.fov)
            if self._keep == "results":
                prune_fov(self._run.layout, outcome.fov)
        self._take_in(outcome.fov)
        self._write_index()

    def close(self, outcome: str) -> None:
        """Write the index, the table of all traces and the log of the run.

        One run after the other does so: whichever is last finds all that the others made.
        """
        self._sort_paths()
        with awaited_lock(self._run.layout.index_lock):
            self._take_in_others()
            self._write_index()
            self._write_table()
            finish(self._log, outcome, time.perf_counter() - self._started, self.failures)
            append_run(self._run.layout.output_dir, self._log)

    def _sort_paths(self) -> None:
        """Give the caller the FOVs in their order, whichever ended first."""
        paths = self._run.context.results_paths
        for fov in sorted(paths):
            paths[fov] = paths.pop(fov)

    def _empty_index(self) -> ResultsIndex:
        layout, context = self._run.layout, self._run.context
        return ResultsIndex(
            output_dir=layout.output_dir,
            channels_pc=layout.pc,
            channels_fl=list(layout.fl),
            params=context.params,
            time_units=context.time_units,
        )

    def _take_in_others(self) -> None:
        """Take in FOVs outside this run, on which other runs may be working at the same time."""
        layout = self._run.layout
        for fov, folder in fov_folders(layout.output_dir).items():
            if fov in self._run.plans:
                continue
            if found := scan_fov(folder):
                self._index.fovs[fov] = as_files(found, layout.trace_channels())
            self._errors.pop(fov, None)
            if error := _error_of(folder / STATUS_FILE):
                self._errors[fov] = error

    def _recorded(self, outcome: Outcome) -> FovStatus:
        """Return the status of a FOV that failed, written here where its worker died before."""
        path = self._run.layout.status(outcome.fov)
        status, before = read_status(path), self._run.statuses[outcome.fov]
        known = status.steps.get(outcome.failed_step)
        if known is not None and known.error == outcome.error:
            return status
        steps = [service.name for service in self._run.services_to_run(outcome.fov)]
        left = (step for step in steps if status.steps.get(step) == before.steps.get(step))
        step = next(left, outcome.failed_step)
        record = StepRecord("failed", self._run.stamps[step], error=outcome.error)
        return record_step(path, step, record)

    def _take_in(self, fov: int) -> None:
        paths = found_paths(self._run.layout, fov)
        self._run.context.results_paths[fov] = paths
        self._index.fovs[fov] = paths

    def _write_index(self) -> None:
        metadata = self._run.metadata
        self._index.extra = {
            MADE_FROM: source_entry(metadata),
            "warnings": list(metadata.warnings),
            "failures": {str(fov): error for fov, error in sorted(self._errors.items())},
        }
        write_results(self._index)

    def _write_table(self) -> None:
        metadata = self._run.metadata
        messages = write_experiment_table(
            self._index,
            self._run.layout.output_dir / TRACES_TABLE,
            position_names=metadata.fov_names,
            channel_names=metadata.channel_names,
            pixel_size_um=metadata.pixel_size_um,
        )
        self._log.warnings += [message.text for message in messages]

    def _write_recipe(self) -> None:
        layout = self._run.layout
        channels = written_channels(layout.pc, layout.fl, self._run.metadata.channel_names)
        write_text(layout.output_dir / RECIPE_YAML, recipe_text(self._run.params, channels))


def _error_of(path: Path) -> str:
    try:
        return read_status(path).error
    except InputError:
        return ""
