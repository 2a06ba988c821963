"""``pyama run``: the whole workflow from a terminal."""

import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import typer
from numpy.typing import NDArray

from pyama_core.channels import split_channels
from pyama_core.cli.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from pyama_core.cli.report import ProgressBars, show_message, show_plan, show_summary, write_event
from pyama_core.columns import CELL, GOOD, INTENSITY_TOTAL, TIME
from pyama_core.errors import InputError, LostError, sentence_of
from pyama_core.fov_ranges import parse_fovs, part_of
from pyama_core.io.atomic import remove_partial
from pyama_core.io.microscopy import open_microscopy
from pyama_core.io.text_table import shortened
from pyama_core.io.untrusted import parse_yaml
from pyama_core.messages import Message
from pyama_core.overview import Truth, draw_overview
from pyama_core.processing.workflow.execution.connect import cluster_executor
from pyama_core.processing.workflow.execution.watch import Watch
from pyama_core.processing.workflow.layout import OVERVIEW_PNG
from pyama_core.processing.workflow.locks import check_unlocked
from pyama_core.processing.workflow.outputs import Keep, check_output_folder
from pyama_core.processing.workflow.pipeline import check_sizes, run_complete_workflow
from pyama_core.processing.workflow.planning import PreparedRun, prepare_run
from pyama_core.processing.workflow.recipe import (
    CHANNELS_LINE,
    Recipe,
    as_text,
    read_recipe,
    with_values,
)
from pyama_core.processing.workflow.run_records import summarize
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from pyama_core.processing.workflow.step_order import load_step
from pyama_core.sample import SampleTruth, make_sample


@dataclass(frozen=True)
class RunRequest:
    """What a user asked for on the command line."""

    file: Path
    output: Path
    pc: str | None = None
    fl: Sequence[str] = ()
    fovs: str = "all"
    workers: int = 2
    batch_size: int = 2
    recipe: Path | None = None
    settings: Sequence[str] = ()
    keep: Keep = "all"
    steps: Sequence[str] = ()
    part: str | None = None
    timeout: float | None = None
    scheduler: str = ""


def run_workflow(request: RunRequest, *, dry_run: bool = False, truth: Truth | None = None) -> int:
    """Run or plan the workflow and show what came out, beside the truth where it is known."""
    check_sizes(request.batch_size, request.workers)
    with _waiting_shown(request):
        services = [load_step(place) for place in request.steps]
        plan = _plan(request, services)
    if plan is None:
        typer.echo(f"Part {request.part} of FOVs {request.fovs} is empty: nothing is to be done.")
        return EXIT_OK
    show_plan(plan, everything=dry_run)
    if dry_run:
        check_output_folder(plan.layout.output_dir, plan.bytes_needed)
        check_unlocked(plan.locks(request.keep))
        with cluster_executor(request.scheduler):
            return EXIT_OK
    started = time.perf_counter()
    try:
        success = _run(request, plan, services)
    except LostError as error:
        typer.echo(f"Error: {error}", err=True)
        return EXIT_FAILED
    except InterruptedError as error:
        typer.echo(error, err=True)
        return EXIT_INTERRUPTED
    except OSError as error:  # What was given was checked before: a disk is to blame.
        typer.echo(f"Error: {sentence_of(error)}", err=True)
        return EXIT_FAILED
    with _waiting_shown(request):
        summary = summarize(plan)
        show_summary(summary, time.perf_counter() - started)
        _draw(plan, summary.failures, truth)
    return EXIT_OK if success else EXIT_FAILED


def _plan(request: RunRequest, services: Sequence[BaseProcessingService]) -> PreparedRun | None:
    """Return what the run would do; None where its part of the FOVs is empty."""
    with open_microscopy(request.file) as source:
        metadata = source.metadata
    context = _context(request, metadata.channel_names)
    fovs = parse_fovs(request.fovs, metadata.n_fovs)
    if request.part is not None:
        fovs = part_of(fovs, request.part)
    return prepare_run(metadata, context, fovs, services=services) if fovs else None


def _run(request: RunRequest, plan: PreparedRun, services: Sequence[BaseProcessingService]) -> bool:
    cancel = threading.Event()
    with (
        _stopping_on_signals(cancel),
        cluster_executor(request.scheduler) as executor,
        ProgressBars(len(plan.plans)) as bars,
    ):
        return run_complete_workflow(
            plan.metadata,
            plan.context,
            batch_size=request.batch_size,
            n_workers=request.workers,
            fovs=list(plan.plans),
            services=services,
            progress=bars,
            cancel=cancel,
            executor=executor,
            keep=request.keep,
            timeout=request.timeout,
        )


def _draw(plan: PreparedRun, failures: dict[int, str], truth: Truth | None) -> None:
    """Draw the overview; a picture that cannot be drawn changes nothing about the results."""
    done = [fov for fov in plan.plans if fov not in failures]
    if not done:
        return
    path = plan.layout.output_dir / OVERVIEW_PNG
    try:
        draw_overview(plan.layout, plan.metadata, done[0], path, truth)
    except Exception as error:
        said = f"The overview was not drawn, the results are complete: {sentence_of(error)}"
        show_message(Message(said, "warning"))
    else:
        typer.echo(f"Overview: {path}")


def _context(request: RunRequest, names: Sequence[str]) -> ProcessingContext:
    recipe = read_recipe(request.recipe) if request.recipe else Recipe()
    settings = dict(_setting(text) for text in request.settings)
    return ProcessingContext(
        output_dir=request.output,
        channels=_channels(request, recipe, names),
        params=with_values(recipe.params, settings),
    )


def _channels(request: RunRequest, recipe: Recipe, names: Sequence[str]) -> Channels:
    given = recipe.channels or Channels()
    pc = given.pc if request.pc is None else request.pc
    if pc is None or pc == "":
        raise InputError(
            "No channel to segment was given: name it with --pc, or in the recipe as "
            f"`{CHANNELS_LINE}`; `pyama info {request.file.name}` lists the channels."
        )
    fl = [channel for listed in request.fl for channel in split_channels(listed, names)] or given.fl
    return as_text(Channels(pc, list(fl)))


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f'--set was given "{text}": write it as step.name=value.')
    try:
        return key.strip(), parse_yaml(value)
    except ValueError as error:
        raise InputError(
            f'--set was given "{shortened(text)}", whose value is not valid YAML ({error}).'
        ) from None


@contextmanager
def _waiting_shown(request: RunRequest) -> Iterator[None]:
    """Say for how long file or folder have kept the block waiting, where that is long."""
    with Watch(write_event) as watch, watch.doing(f"{request.file} and {request.output}"):
        yield


@contextmanager
def _stopping_on_signals(cancel: threading.Event) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the run in order, and the second one at once."""

    def stop(signum: int, frame: Any) -> None:
        typer.echo("Stopping ...", err=True)
        cancel.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SAMPLE: Final = "sample.nd2"
_RESULTS: Final = "results"
_SETTINGS: Final = (
    "segmentation.split=distance",
    "segmentation.opening_size=3",
    "segmentation.min_size=100",
    "extraction.min_trace_length=15",
)
_DRAWN_FOV: Final = 0


def run_demo(output: Path, workers: int) -> int:
    """Make the sample, run the workflow on it and show what came out; return the exit code."""
    output.mkdir(parents=True, exist_ok=True)
    remove_partial(output)
    path = output / _SAMPLE
    typer.echo(f"Making the sample experiment {path} ...")
    truth = make_sample(path)
    request = RunRequest(
        path, output / _RESULTS, pc="0", fl=("1", "2"), workers=workers, settings=_SETTINGS
    )
    return run_workflow(request, truth=_true_traces(truth))


def _true_traces(truth: SampleTruth) -> Truth:
    """Give the true totals of the drawn FOV by channel of the file."""

    def of_channel(channel: int) -> Mapping[str, NDArray[Any]]:
        cells, frames = np.nonzero(truth.area[_DRAWN_FOV])
        return {
            CELL: cells,
            TIME: truth.times_min[_DRAWN_FOV, frames],
            INTENSITY_TOTAL: truth.signal[_DRAWN_FOV, cells, frames, channel - 1],
            GOOD: np.ones(len(cells), bool),
        }

    return of_channel
