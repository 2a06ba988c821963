"""What a worker does: some steps of one FOV, each recorded as it ends."""

import copy
import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from pyama_core.errors import sentence_of
from pyama_core.io.atomic import collected_digests, only_beside, remove_partial
from pyama_core.io.microscopy import MicroscopyMetadata
from pyama_core.processing.workflow.child import become_worker
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.params import sections_of
from pyama_core.processing.workflow.plan import outputs_are_there, plan_fov, with_makers
from pyama_core.processing.workflow.progress import (
    ProgressSink,
    ThrottledReporter,
    WorkerSink,
)
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import ProcessingContext, ResultsPathsPerFOV
from pyama_core.processing.workflow.status import (
    OutputRecord,
    Stamp,
    StepRecord,
    forget_steps,
    read_status,
    record_output,
    record_step,
)
from pyama_core.processing.workflow.verify import damaged_steps


@dataclass(frozen=True)
class Job:
    """Steps of one FOV, with all a worker needs to do them."""

    fov: int
    metadata: MicroscopyMetadata
    context: ProcessingContext
    layout: Layout
    services: Sequence[BaseProcessingService]
    stamps: Mapping[str, Stamp]
    sink: ProgressSink
    all_services: Sequence[BaseProcessingService] = ()
    """All steps of the run, of which some may have to make anew what turns out to be damaged."""
    own_steps: frozenset[str] = frozenset()
    """Steps of this FOV that this run does."""
    marker: Path | None = None
    """A file in the FOV's folder that is there as long as the folder is this run's."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    fov: int
    paths: ResultsPathsPerFOV
    failed_step: str = ""
    error: str = ""
    details: str = ""
    """The traceback, for the log."""
    cancelled: bool = False


def begin(parent_pid: int) -> None:
    """Become a worker, one that has imported what its jobs need."""
    become_worker(parent_pid)


def be_ready() -> int:
    """Return the number of this process, a worker that is ready."""
    return os.getpid()


def run_announced(job: Job, sink: WorkerSink) -> Outcome:
    """Run a job, and say of each step where it begins."""
    sink.started(job.services[0].name)
    return run_job(job, sink.started)


def run_job(job: Job, begin_step: Callable[[str], object] = lambda step: None) -> Outcome:
    """Run the job's steps in their order; the first failure or cancellation ends it."""
    with only_beside(job.marker) if job.marker else nullcontext():
        remove_partial(job.layout.folder(job.fov))
        services, again = _with_makers_of_damaged(job)
        forget_steps(job.layout.status(job.fov), [service.name for service in services])
        return _run_steps(job, services, again, begin_step)


def _with_makers_of_damaged(job: Job) -> tuple[Sequence[BaseProcessingService], dict[str, str]]:
    """Return the steps to run, and why some of them have to make their files again."""
    folder, status = job.layout.folder(job.fov), read_status(job.layout.status(job.fov))
    read = {name for service in job.services for name in service.reads if name in status.steps}
    damaged = damaged_steps(folder, status, read - job.own_steps) if job.all_services else {}
    if not damaged:
        return job.services, {}
    left = status.without(damaged)
    planned = plan_fov(job.all_services, job.stamps, left, outputs_are_there(folder))
    return with_makers(job.services, job.all_services, damaged, planned), damaged


def _run_steps(
    job: Job,
    services: Sequence[BaseProcessingService],
    again: Mapping[str, str],
    begin_step: Callable[[str], object],
) -> Outcome:
    for service in services:
        begin_step(service.name)
        try:
            _run_step(job, service, again.get(service.name, ""))
        except InterruptedError:
            return Outcome(job.fov, job.context.paths(job.fov), cancelled=True)
        except (Exception, SystemExit) as error:
            return _failure(job, service, error)
    return Outcome(job.fov, job.context.paths(job.fov))


def context_for(service: BaseProcessingService, context: ProcessingContext) -> ProcessingContext:
    """Return a context without messages, with the parameters that a service knows.

    These are the built-in sections and its own.
    """
    known = {*sections_of(), service.name}
    params = {name: value for name, value in context.params.items() if name in known}
    return replace(context, params=params, messages={})


def _run_step(job: Job, service: BaseProcessingService, damage: str) -> None:
    # A copy, as other FOVs' jobs may hold the same service in threads of this process.
    service = copy.copy(service)
    service.set_progress_reporter(ThrottledReporter(job.sink))
    context = context_for(service, job.context)
    if damage:
        context.add_message(job.fov, f"{service.name} was done again: {damage}.", "warning")
    started = time.perf_counter()
    with collected_digests() as digests:
        service.process_fov(job.metadata, context, job.layout.output_dir, job.fov)
    record = StepRecord(
        state="done",
        stamp=job.stamps[service.name],
        seconds=time.perf_counter() - started,
        outputs=_outputs(job, service, digests),
        messages=tuple(context.messages.get(job.fov, ())),
    )
    record_step(job.layout.status(job.fov), service.name, record)


def _outputs(
    job: Job, service: BaseProcessingService, digests: Mapping[Path, str]
) -> tuple[OutputRecord, ...]:
    paths = [path for path in service.outputs(job.layout, job.fov) if path.exists()]
    return tuple(record_output(path, digests.get(path)) for path in paths)


def _failure(job: Job, service: BaseProcessingService, error: Exception | SystemExit) -> Outcome:
    sentence = sentence_of(error)
    record = StepRecord("failed", job.stamps[service.name], error=sentence)
    record_step(job.layout.status(job.fov), service.name, record)
    return Outcome(
        job.fov,
        job.context.paths(job.fov),
        failed_step=service.name,
        error=sentence,
        details="".join(traceback.format_exception(error)),
    )
