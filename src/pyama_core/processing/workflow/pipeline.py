"""run_complete_workflow: from a microscopy file to traces, many FOVs at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from pyama_core.errors import InputError
from pyama_core.io.atomic import remove_partial
from pyama_core.io.microscopy import MicroscopyFile, MicroscopyMetadata
from pyama_core.processing.kernels import kernels_cached
from pyama_core.processing.workflow.channel import QueueChannel
from pyama_core.processing.workflow.forwarding import forwarding, open_channel
from pyama_core.processing.workflow.found import found_paths
from pyama_core.processing.workflow.index import ResultsKeeper
from pyama_core.processing.workflow.jobs import Job, Outcome, run_job
from pyama_core.processing.workflow.locks import held_locks
from pyama_core.processing.workflow.output_folder import check_output_folder
from pyama_core.processing.workflow.pool import Pool, make_pool
from pyama_core.processing.workflow.prepare import PreparedRun, prepare_run
from pyama_core.processing.workflow.prune import Keep, check_keep
from pyama_core.processing.workflow.resolve import complete_from, completed
from pyama_core.processing.workflow.schedule import CancelFlag, Schedule
from pyama_core.processing.workflow.services.base import (
    COMPILATION,
    WORKFLOW,
    BaseProcessingService,
    ProgressEvent,
    fov_range,
)
from pyama_core.processing.workflow.services.copying import CopyingService
from pyama_core.processing.workflow.services.types import (
    Channels,
    ProcessingContext,
)
from pyama_core.processing.workflow.warmup import warm_up, what_compiles


def run_complete_workflow(
    metadata: MicroscopyMetadata,
    context: ProcessingContext,
    fov_start: int | None = None,
    fov_end: int | None = None,
    batch_size: int = 2,
    n_workers: int = 2,
    *,
    fovs: Sequence[int] | None = None,
    services: Sequence[BaseProcessingService] = (),
    progress: Callable[[ProgressEvent], Any] | None = None,
    cancel: CancelFlag | None = None,
    executor: Executor | None = None,
    source: MicroscopyFile | None = None,
    keep: Keep = "all",
) -> bool:
    """Copy, segment, correct, track and extract a range of FOVs.

    What an earlier run has done into the same folder is not done again.

    Parameters
    ----------
    metadata
        The microscopy file; what is not stated is read from it.
    context
        Output folder, channels and parameters; its `results_paths` are updated in place.
    fov_start, fov_end
        First and last FOV, 0-based and inclusive; None or -1 for the first and the last.
    batch_size
        FOVs that are copied ahead of computing; at least as many as there are workers.
    n_workers
        Worker processes.
    fovs
        FOVs to process, instead of a range.
    services
        Custom steps, besides the built-in ones.
    progress
        Called with every progress event, in a thread of its own.
    cancel
        Anything with ``is_set()``; when it turns true the run stops within about a second.
    executor
        Where to run instead of local processes, for one a dask client's ``get_executor()``.
    source
        Frames from somewhere else than the metadata's file, for one an `ArraySource`.
    keep
        ``"results"`` removes raw copies and intermediate stacks of each finished FOV.

    Returns
    -------
    bool
        True if all FOVs were processed, False if one failed; the others are complete.

    Raises
    ------
    FileNotFoundError
        The microscopy file is not there.
    InputError
        A ValueError: something given is wrong; raised before any work.
    InterruptedError
        The run was cancelled; what was done is saved.
    """
    check_sizes(batch_size, n_workers)
    check_keep(keep)
    metadata = completed(metadata) if source is None else complete_from(metadata, source.metadata)
    chosen = _chosen_fovs(metadata.n_fovs, fovs, fov_start, fov_end)
    run = prepare_run(metadata, context, chosen, services=services, source=source)
    check_output_folder(run.layout.output_dir, run.bytes_needed)
    machinery = _Machinery(n_workers, max(batch_size, n_workers), executor, source)
    with held_locks(run.locks(keep)):
        keeper = ResultsKeeper(run, keep, machinery.described())
        try:
            finished = _process(run, keeper, machinery, progress, cancel)
        except BaseException:
            keeper.close("interrupted")
            raise
        keeper.close("done" if finished and not keeper.failures else "incomplete")
    if not finished:
        raise InterruptedError(
            f"The run was cancelled with {keeper.n_done} of {len(run.plans)} FOVs done; "
            "run it again, and it goes on from there."
        )
    return not keeper.failures


@dataclass(frozen=True)
class _Machinery:
    """Where a run's jobs run, and how many at a time."""

    n_workers: int
    window: int
    executor: Executor | None
    source: MicroscopyFile | None

    def described(self) -> dict[str, Any]:
        """Say it for the run file."""
        return {
            "workers": self.n_workers,
            "fovs_under_way": self.window,
            "executor": type(self.executor).__name__ if self.executor else "own processes",
        }


def _process(
    run: PreparedRun,
    keeper: ResultsKeeper,
    machinery: _Machinery,
    progress: Callable[[ProgressEvent], Any] | None,
    cancel: CancelFlag | None,
) -> bool:
    """Run what is left to do; False when cancelled."""
    if not run.unfinished:
        return True
    n_workers = min(machinery.n_workers, len(run.unfinished))
    with (
        _tidied(run, machinery.executor),
        closing(make_pool(n_workers, machinery.executor)) as pool,
        open_channel(machinery.executor) as channel,
        forwarding(channel, progress),
        _closed_on_error(pool),
        ThreadPoolExecutor(1, "copying") as copier,
    ):

        def take_in(outcome: Outcome) -> None:
            keeper.finish(outcome)
            channel.put(_fov_event(outcome, keeper.n_ended, len(run.plans)))

        schedule = Schedule(
            stages={fov: _stages(run, fov, channel, machinery.source) for fov in run.unfinished},
            window=machinery.window,
            submit=_submitter(pool, None if machinery.source is None else copier),
            rebuild=pool.rebuild,
            on_outcome=take_in,
            gate=_compilation(run, pool, channel),
        )
        if schedule.run(cancel):
            return True
        channel.flag.set()
        schedule.drain()
        pool.close()
        return False


def _fov_event(outcome: Outcome, n_ended: int, n_fovs: int) -> ProgressEvent:
    message = f"failed in {outcome.failed_step}: {outcome.error}" if outcome.error else "done"
    if outcome.cancelled:
        message = "cancelled"
    return ProgressEvent(
        step=WORKFLOW, fov=outcome.fov, t=max(n_ended - 1, 0), T=n_fovs, message=message
    )


def _stages(
    run: PreparedRun, fov: int, channel: QueueChannel, source: MicroscopyFile | None
) -> list[Job]:
    """Split copying from computing, so that they overlap between FOVs."""
    services = run.services_to_run(fov)
    copying = [
        s if source is None else CopyingService(source) for s in services if s.name == "copy"
    ]
    computing = [s for s in services if s.name != "copy"]
    context = ProcessingContext(
        output_dir=run.layout.output_dir,
        channels=Channels(run.layout.pc, list(run.layout.fl)),
        results_paths={fov: found_paths(run.layout, fov)},
        params=run.context.params,
        time_units=run.context.time_units,
    )
    names = frozenset(service.name for service in services)
    return [
        Job(
            fov,
            run.metadata,
            context,
            run.layout,
            stage,
            run.stamps,
            channel,
            all_services=run.services,
            own_steps=names,
            marker=run.layout.lock(fov),
        )
        for stage in (copying, computing)
        if stage
    ]


def _submitter(pool: Pool, copier: Executor | None) -> Callable[[Job], "Future[Outcome]"]:
    """Send jobs to the pool, but copying from a source that workers cannot open to a thread."""

    def submit(job: Job) -> "Future[Outcome]":
        if copier is not None and job.services[0].name == "copy":
            return copier.submit(run_job, job)
        return pool.submit(run_job, job)

    return submit


def _compilation(run: PreparedRun, pool: Pool, channel: QueueChannel) -> "Future[None] | None":
    if kernels_cached(what_compiles(run.metadata.dtype, run.params)):
        return None
    message = "compiling kernels, once after installation (up to 20 s)"
    channel.put(ProgressEvent(step=COMPILATION, fov=-1, t=0, T=1, message=message))
    return pool.submit(warm_up, run.metadata.dtype, run.params)


@contextmanager
def _tidied(run: PreparedRun, executor: Executor | None) -> Iterator[None]:
    """Remove what workers of our own had begun to write when they were ended."""
    try:
        yield
    finally:
        for fov in run.unfinished if executor is None else ():
            remove_partial(run.layout.folder(fov))


@contextmanager
def _closed_on_error(pool: Pool) -> Iterator[None]:
    """End the workers while they can still reach the channel, so that none records a failure."""
    try:
        yield
    except BaseException:
        pool.close()
        raise


def _chosen_fovs(
    n_fovs: int, fovs: Sequence[int] | None, fov_start: int | None, fov_end: int | None
) -> list[int]:
    if fovs is None:
        return list(fov_range(n_fovs, fov_start, fov_end))
    listed = _whole_numbers(fovs)
    outside = [fov for fov in listed if not 0 <= fov < n_fovs]
    if outside or not listed:
        raise InputError(
            f"FOVs {outside or 'none'} were asked for, but the file has FOVs 0 to {n_fovs - 1}: "
            "give some of these."
        )
    return sorted(set(listed))


def _whole_numbers(fovs: Any) -> list[int]:
    listed: list[Any] = list(fovs) if isinstance(fovs, Iterable) else [None]
    if not all(isinstance(fov, Integral) for fov in listed):
        raise InputError(f"fovs is {fovs!r}: give a list of whole numbers, such as [0, 1, 4].")
    return [int(fov) for fov in listed]


def check_sizes(batch_size: int, n_workers: int) -> None:
    """Raise InputError unless both are whole numbers of at least 1."""
    given: dict[str, Any] = {"batch_size": batch_size, "n_workers": n_workers}
    for name, value in given.items():
        if not isinstance(value, Integral) or value < 1:
            raise InputError(f"{name} is {value!r}: it must be a whole number of 1 or more.")
