"""What a worker does: some steps of one FOV, each recorded as it ends."""

import copy
import itertools
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from numpy.typing import NDArray

from pyama_core.errors import sentence_of
from pyama_core.io.atomic import collected_digests, only_beside, remove_partial
from pyama_core.io.types import MicroscopyMetadata
from pyama_core.processing.correction import correct_stack
from pyama_core.processing.extraction import extract_stack
from pyama_core.processing.kernels import mark_compiled
from pyama_core.processing.segmentation import SegmentationParams, segment_stack
from pyama_core.processing.tracking import track_stack
from pyama_core.processing.workflow.execution.progress import (
    ProgressSink,
    ThrottledReporter,
    WorkerSink,
)
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.params import WorkflowParams, sections_of
from pyama_core.processing.workflow.planning import outputs_are_there, plan_fov, with_makers
from pyama_core.processing.workflow.provenance import damaged_steps
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

_SECONDS_BETWEEN_LOOKS: Final = 1.0


def become_worker(parent_pid: int) -> None:
    """Leave Ctrl-C to the parent, which tells workers to stop, and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent_pid,), daemon=True).start()


@contextmanager
def interrupts_kept_from_children() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, not even while they import."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # Before Python 3.13, launching it lets interrupts through.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with(parent_pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(parent_pid)
        while _is_there(parent):
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _is_there(parent: psutil.Process) -> bool:
    # A dead parent may still be listed; where that can be, orphans are given another one.
    return parent.is_running() and (os.name == "nt" or os.getppid() == parent.pid)


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


_FRAMES, _SIZE, _SPACING, _CELL = 3, 300, 60, 30
_COMPILED_METHODS = ("log_std", "trained")


def what_compiles(dtype: str, params: WorkflowParams) -> str:
    """Name what decides which kernels a run needs."""
    methods = (params.segmentation.method, params.segmentation.split, params.tracking.method)
    return " ".join((dtype, *methods))


def warm_up(dtype: str, params: WorkflowParams) -> None:
    """Run every algorithm on a tiny movie of the run's dtype, which compiles its kernels."""
    frames = _movie().astype(dtype)
    segmented = list(segment_stack(frames, _on_any_movie(params.segmentation)))
    masks = np.stack([frame.mask for frame in segmented])
    corrected = np.stack(list(correct_stack(frames, masks, params.correction)))
    instances = [frame.instances for frame in segmented if frame.instances is not None]
    untracked = np.stack(instances).astype(np.uint32) if instances else masks
    labels = np.stack(list(track_stack(untracked, params.tracking, phase=frames)))
    times = np.arange(_FRAMES, dtype=np.float64)
    images, raw = {0: corrected}, {0: frames}
    extract_stack(labels, images, params.extraction, times=times, fov=0, raw=raw)
    mark_compiled(what_compiles(dtype, params))


def _on_any_movie(params: SegmentationParams) -> SegmentationParams:
    """Replace a method that takes its cells from elsewhere: it has no kernels to compile."""
    known = params.method in _COMPILED_METHODS
    return params if known else params.model_copy(update={"method": "log_std"})


def _movie() -> NDArray[np.float64]:
    """Give a grid of rough squares that move a pixel a frame.

    In the middle frame the first one is unseen, and two are joined. All values fit every dtype.
    """
    rng = np.random.default_rng(0)
    movie = rng.normal(100, 2, (_FRAMES, _SIZE, _SIZE))
    corners = range(_SPACING - _CELL, _SIZE - _CELL, _SPACING)
    unseen_and_joined = {(1, corners[0], corners[0]): 0, (1, corners[1], corners[1]): _SPACING}
    for t, row, column in itertools.product(range(_FRAMES), corners, corners):
        width = unseen_and_joined.get((t, row, column), _CELL)
        roughness = rng.normal(0, 30, (_CELL, width))
        movie[t, row : row + _CELL, column + t : column + t + width] += roughness
    return movie.clip(0, 255)
