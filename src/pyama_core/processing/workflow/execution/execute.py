"""Doing what a prepared run has left to do: jobs, workers, and who hears of their outcome."""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyama_core.io.atomic import remove_partial
from pyama_core.io.types import MicroscopyFile
from pyama_core.processing.kernels import kernels_cached
from pyama_core.processing.workflow.execution.executors import CopyingThread, make_pool
from pyama_core.processing.workflow.execution.pool import LocalSink, Pool, SinkOf
from pyama_core.processing.workflow.execution.progress import Place
from pyama_core.processing.workflow.execution.progress_server import ProgressHub
from pyama_core.processing.workflow.execution.scheduler import CancelFlag, Schedule
from pyama_core.processing.workflow.execution.worker import (
    Job,
    Outcome,
    run_announced,
    warm_up,
    what_compiles,
)
from pyama_core.processing.workflow.index import ResultsKeeper
from pyama_core.processing.workflow.outputs import found_paths
from pyama_core.processing.workflow.planning import PreparedRun
from pyama_core.processing.workflow.recipe import with_values
from pyama_core.processing.workflow.services.base import COMPILATION, WORKFLOW, ProgressEvent
from pyama_core.processing.workflow.services.copying import CopyingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext


@dataclass(frozen=True)
class Means:
    """What a run is done with.

    Attributes
    ----------
    n_workers
        Worker processes, where no executor is given.
    n_ahead
        FOVs that are under way at once.
    source
        Frames from somewhere else than the metadata's file.
    timeout
        Most seconds of work on one FOV.
    cancel
        Says when to stop.
    """

    n_workers: int
    n_ahead: int
    executor: Executor | None = None
    source: MicroscopyFile | None = None
    timeout: float | None = None
    cancel: CancelFlag | None = None

    def described(self) -> dict[str, Any]:
        """Say it for the run file."""
        return {
            "workers": self.n_workers,
            "fovs_under_way": self.n_ahead,
            "executor": type(self.executor).__name__ if self.executor else "own processes",
            "timeout_seconds": self.timeout,
        }


def execute(run: PreparedRun, keeper: ResultsKeeper, means: Means, hub: ProgressHub) -> bool:
    """Run what is left to do; False when cancelled.

    Raises
    ------
    InputError
        A step cannot be sent to the workers.
    LostError
        Nobody is left to do the work.
    """
    if not run.unfinished:
        return True
    n_workers = min(means.n_workers, len(run.unfinished))
    with (
        _tidied(run, means.executor),
        closing(make_pool(n_workers, means.executor)) as pool,
        pool.sinks(hub) as sinks,
        _closed_on_error(pool),
        closing(_Workers(pool, sinks, hub, means.source is not None)) as workers,
    ):
        pool.check_services(run.services)

        def take_in(outcome: Outcome) -> None:
            with hub.watch.doing(f"the results in {run.layout.output_dir}"):
                keeper.finish(outcome)
            hub.before_outcome()
            hub.put(_fov_event(outcome, keeper.n_ended, len(run.plans)))

        schedule = Schedule(
            stages={fov: _stages(run, fov, hub, means.source) for fov in run.unfinished},
            n_ahead=means.n_ahead,
            workers=workers,
            hub=hub,
            on_outcome=take_in,
            gate=_compilation(run, pool, hub),
            timeout=means.timeout,
        )
        if schedule.run(means.cancel):
            return True
        schedule.drain()
        pool.close()
        return False


class _Workers:
    """The workers of a pool, and a thread that copies from a source that they cannot open."""

    def __init__(self, pool: Pool, sinks: SinkOf, hub: ProgressHub, copies_here: bool) -> None:
        self._sinks, self._hub = sinks, hub
        self._pool = pool
        self._copier = CopyingThread() if copies_here else None
        self._copying = set[Future[Any]]()
        self.waits_for, self.check, self.has_lost = pool.waits_for, pool.check, pool.has_lost
        self.check_after_crash, self.capacity = pool.check_after_crash, pool.capacity
        self.is_crash, self.why_cancelled = pool.is_crash, pool.why_cancelled

    def run(self, job: Job) -> "Future[Outcome]":
        if self._copier is None or job.services[0].name != CopyingService.name:
            sink = self._sinks(job.fov)
            return self._pool.submit(run_announced, replace(job, sink=sink), sink)
        future = self._copier.submit(run_announced, job, LocalSink(self._hub, job.fov))
        self._copying.add(future)
        return future

    def place(self, future: "Future[Outcome]") -> Place | None:
        return self._pool.place(future)

    def end(self, future: "Future[Any]", place: Place | None) -> bool:
        if self._copier is None or future not in self._copying:
            return self._pool.end(future, place)
        self._copier.replace()
        return False

    def close(self) -> None:
        if self._copier is not None:
            self._copier.close()


def _fov_event(outcome: Outcome, n_ended: int, n_fovs: int) -> ProgressEvent:
    message = f"failed in {outcome.failed_step}: {outcome.error}" if outcome.error else "done"
    if outcome.cancelled:
        message = "cancelled"
    return ProgressEvent(
        step=WORKFLOW, fov=outcome.fov, t=max(n_ended - 1, 0), T=n_fovs, message=message
    )


def _stages(
    run: PreparedRun, fov: int, hub: ProgressHub, source: MicroscopyFile | None
) -> list[Job]:
    """Split copying from computing, so that they overlap between FOVs."""
    services = run.services_to_run(fov)
    copying = [
        s if source is None else CopyingService(source) for s in services if s.name == "copy"
    ]
    computing = [s for s in services if s.name != "copy"]
    # Workers of other machines, or of an executor, may be in another folder.
    layout = replace(run.layout, output_dir=run.layout.output_dir.absolute())
    metadata = replace(run.metadata, file_path=run.metadata.file_path.absolute())
    context = ProcessingContext(
        output_dir=layout.output_dir,
        channels=Channels(layout.pc, list(layout.fl)),
        results_paths={fov: found_paths(layout, fov)},
        params=with_values(run.context.params, _absolute_paths(run)),
        time_units=run.context.time_units,
    )
    names = frozenset(service.name for service in services)
    return [
        Job(
            fov,
            metadata,
            context,
            layout,
            stage,
            run.stamps,
            LocalSink(hub, fov),
            all_services=run.services,
            own_steps=names,
            marker=layout.lock(fov),
        )
        for stage in (copying, computing)
        if stage
    ]


def _absolute_paths(run: PreparedRun) -> dict[str, str]:
    """Return the parameters that name files, as workers in another folder need them."""
    paths = {}
    for service in run.services:
        section = run.params.section(service.name)
        for name in service.files_read(section) if section is not None else ():
            value = getattr(section, name)
            if isinstance(value, str):
                paths[f"{service.name}.{name}"] = str(Path(value).expanduser().absolute())
    return paths


def _compilation(run: PreparedRun, pool: Pool, hub: ProgressHub) -> "Future[None] | None":
    if kernels_cached(what_compiles(run.metadata.dtype, run.params)):
        return None
    message = "compiling kernels, once after installation (up to 20 s)"
    hub.put(ProgressEvent(step=COMPILATION, fov=-1, t=0, T=1, message=message))
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
    """End the workers while they can still reach the run, so that none records a failure."""
    try:
        yield
    except BaseException:
        pool.close()
        raise
