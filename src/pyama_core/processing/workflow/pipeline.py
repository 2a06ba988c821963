"""run_complete_workflow: from a microscopy file to traces, many FOVs at a time."""

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from numbers import Integral, Real
from typing import Any

from pyama_core.errors import InputError, LostError
from pyama_core.io.types import MicroscopyFile, MicroscopyMetadata
from pyama_core.processing.workflow.execution.calls import check_run_allowed
from pyama_core.processing.workflow.execution.execute import Means, execute
from pyama_core.processing.workflow.execution.progress_server import ProgressHub, reporting
from pyama_core.processing.workflow.execution.scheduler import CancelFlag
from pyama_core.processing.workflow.index import ResultsKeeper
from pyama_core.processing.workflow.locks import held_locks
from pyama_core.processing.workflow.outputs import Keep, check_keep, check_output_folder
from pyama_core.processing.workflow.planning import PreparedRun, prepare_run
from pyama_core.processing.workflow.resolve import complete_from, completed
from pyama_core.processing.workflow.services.base import (
    BaseProcessingService,
    ProgressEvent,
    fov_range,
)
from pyama_core.processing.workflow.services.types import ProcessingContext
from pyama_core.processing.workflow.step_order import check_not_importing


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
    timeout: float | None = None,
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
        Called with every progress event, in a thread of its own. Where nothing is heard of a step
        for 15 s, an event says so.
    cancel
        Anything with ``is_set()``; when it turns true the run stops within about a second.
    executor
        Where to run instead of local processes, such as a dask client's ``get_executor()``.
    source
        Frames from somewhere else than the metadata's file, such as an `ArraySource`.
    keep
        ``"results"`` removes raw copies and intermediate stacks of each finished FOV.
    timeout
        Most seconds of work on one FOV, all its steps together; waiting for a worker does not
        count. A FOV that takes longer fails, and its worker is ended: a local process, or a dask
        worker that has a nanny. A step in a thread, or in another executor's process, stops where
        it next reports progress. None for no limit.

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
    LostError
        A BrokenExecutor: workers, or the scheduler of a cluster, are lost; what was done is saved.
    """
    check_sizes(batch_size, n_workers)
    check_keep(keep)
    check_timeout(timeout)
    check_run_allowed()
    check_not_importing(services)
    means = Means(n_workers, max(batch_size, n_workers), executor, source, timeout, cancel)
    with reporting(progress) as hub:
        with hub.watch.doing(f"{metadata.file_path} and {context.output_dir}"):
            metadata = _completed(metadata, source)
            chosen = _chosen_fovs(metadata.n_fovs, fovs, fov_start, fov_end)
            run = prepare_run(metadata, context, chosen, services=services, source=source)
            check_output_folder(run.layout.output_dir, run.bytes_needed)
        with held_locks(run.locks(keep)):
            return _run_locked(run, keep, means, hub)


def _completed(metadata: MicroscopyMetadata, source: MicroscopyFile | None) -> MicroscopyMetadata:
    return completed(metadata) if source is None else complete_from(metadata, source.metadata)


def _run_locked(run: PreparedRun, keep: Keep, means: Means, hub: ProgressHub) -> bool:
    """Do what is left to do, and keep index, tables and log true, however it ends."""
    writing = f"the results in {run.layout.output_dir}"
    with hub.watch.doing(writing):
        keeper = ResultsKeeper(run, keep, means.described())
    try:
        finished = execute(run, keeper, means, hub)
    except BaseException as error:
        with hub.watch.doing(writing):
            keeper.close("interrupted")
        if isinstance(error, LostError):
            raise LostError(f"{error} {_how_far(run, keeper)}") from error
        raise
    with hub.watch.doing(writing):
        keeper.close("done" if finished and not keeper.failures else "incomplete")
    if not finished:
        raise InterruptedError(f"The run was cancelled. {_how_far(run, keeper)}")
    return not keeper.failures


def _how_far(run: PreparedRun, keeper: ResultsKeeper) -> str:
    return (
        f"{keeper.n_done} of {len(run.plans)} FOVs are done; run it again, and it continues from "
        "there."
    )


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


def check_timeout(timeout: float | None) -> None:
    """Raise InputError unless this is a number of seconds above 0, or None."""
    given: Any = timeout
    if given is None:
        return
    is_number = isinstance(given, Real) and not isinstance(given, bool)
    if not is_number or not (given > 0 and math.isfinite(given)):
        raise InputError(
            f"timeout is {given!r}: it must be a number of seconds above 0, or None for no limit."
        )
