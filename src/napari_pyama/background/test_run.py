"""Run the workflow up to one step on one FOV, into the session's scratch folder."""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_pyama.background.previews import Request, ensure_compiled
from napari_pyama.background.task import Report
from napari_pyama.layers.raw import LayerTuple
from napari_pyama.layers.results import (
    CELLS,
    SEGMENTATION,
    Table,
    describe_backgrounds,
    expected_files,
    layers_of_results,
    read_traces,
)
from napari_pyama.layers.tracks import TRACKS
from napari_pyama.widgets.messages import with_weight
from pyama_core.errors import InputError
from pyama_core.processing.workflow.execution.worker import Job, run_job
from pyama_core.processing.workflow.outputs import check_output_folder, found_paths
from pyama_core.processing.workflow.planning import PreparedRun, prepare_run
from pyama_core.processing.workflow.services.base import BaseProcessingService, ProgressEvent
from pyama_core.processing.workflow.services.copying import CopyingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from pyama_core.processing.workflow.status import read_status


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a trial gave: layers, and the traces where it went that far."""

    fov: int
    layers: list[LayerTuple]
    traces: Table = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What a user should know, one sentence each."""
    replaced: tuple[int, ...] = ()
    """Channels whose raw images these layers are to be seen in place of."""
    labels: tuple[str, ...] = ()
    """Roles of the labels and tracks layers that are to be seen, others not."""


_LABELS = {
    "segmentation": (SEGMENTATION,),
    "tracking": (CELLS, TRACKS),
    "extraction": (CELLS, TRACKS),
}
"""What shows best what a step did; corrected fluorescence is not covered by anything."""


@dataclass(frozen=True, slots=True)
class _InThread:
    """The workflow's channel for a run in a thread of this process."""

    report: Report
    cancel: threading.Event

    def put(self, event: ProgressEvent) -> None:
        self.report(event)

    def cancelled(self) -> bool:
        return self.cancel.is_set()


def run_trial(
    request: Request, step: str, scratch: Path, report: Report, cancel: threading.Event
) -> TrialResult:
    """Do what `step` needs on all frames of the FOV in view; what is done already is kept.

    Parameters
    ----------
    step
        Name of the last step.
    scratch
        The session's scratch folder; every experiment gets a folder of its own in it.
    report
        Takes progress events.
    cancel
        Set to stop at the next frame.

    Raises
    ------
    InputError
        Something chosen does not fit the file, or a step cannot do its work.
    InterruptedError
        `cancel` was set.
    """
    ensure_compiled(request.view.source.metadata.dtype, request.recipe)
    run = _prepare(request, scratch)
    fov = request.view.fov
    job = Job(
        fov,
        run.metadata,
        run.context,
        run.layout,
        _with_source(_needed(run, fov, step), request),
        run.stamps,
        _InThread(report, cancel),
    )
    outcome = run_job(job)
    if outcome.cancelled:
        raise InterruptedError(f"The trial of FOV {fov} was cancelled.")
    if outcome.error:
        raise InputError(f"{outcome.failed_step} of FOV {fov} failed: {outcome.error}")
    return _result(run, request, step)


def _prepare(request: Request, scratch: Path) -> PreparedRun:
    source, fov = request.view.source, request.view.fov
    key = f"{source.identity()} {source.metadata.base_name}"
    folder = scratch / hashlib.sha256(key.encode()).hexdigest()[:12]
    context = ProcessingContext(
        output_dir=folder,
        channels=Channels(request.pc, list(request.fl)),
        params=request.recipe.model_dump(),
    )
    run = prepare_run(source.metadata, context, [fov], source=source)
    check_output_folder(folder, run.bytes_needed)
    context.results_paths[fov] = found_paths(run.layout, fov)
    return run


def _needed(run: PreparedRun, fov: int, step: str) -> list[BaseProcessingService]:
    """Return the step and all it reads that is not done yet."""
    reads = {service.name: service.reads for service in run.services}
    wanted, waiting = set[str](), [step]
    while waiting:
        name = waiting.pop()
        wanted.add(name)
        waiting.extend(reads[name])
    return [service for service in run.services_to_run(fov) if service.name in wanted]


def _with_source(
    services: Sequence[BaseProcessingService], request: Request
) -> list[BaseProcessingService]:
    source = request.view.source
    return [CopyingService(source) if s.name == CopyingService.name else s for s in services]


def _result(run: PreparedRun, request: Request, step: str) -> TrialResult:
    source, fov = request.view.source, request.view.fov
    files = expected_files(run.layout)
    layers = layers_of_results(source, files, fov)
    for _, arguments, _ in layers:
        if step == "correction" and arguments["name"].endswith("corrected"):
            arguments["visible"] = True
    traces = read_traces(files(fov)) if step == "extraction" else {}
    replaced = run.layout.fl if step == "correction" else ()
    notes = _notes(run, request, step)
    return TrialResult(fov, layers, traces, notes, replaced, _LABELS.get(step, ()))


def _notes(run: PreparedRun, request: Request, step: str) -> list[str]:
    """Return what the step has to say, and how well the background fits."""
    fov = request.view.fov
    record = read_status(run.layout.status(fov)).steps.get(step)
    notes = [with_weight(message) for message in record.messages] if record else []
    if step == "correction":
        files = expected_files(run.layout)
        notes = describe_backgrounds(files, run.metadata, fov)
    return notes
