"""CPU and memory of every step on one movie, as a worker does it."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.speed.measure import cpu_ms, peak_anonymous_memory
from benchmarks.speed.scenes import Scene
from pyama_core.io import open_microscopy
from pyama_core.io.atomic import write_npy_stream
from pyama_core.processing.workflow.execution.pool import LocalSink
from pyama_core.processing.workflow.execution.progress_server import ProgressHub
from pyama_core.processing.workflow.execution.worker import Job, run_job, warm_up
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.planning import PreparedRun, prepare_run
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext

CHANNELS = Channels(0, [1, 2])
BYTES_READ, BYTES_WRITTEN = 6, 17
"""Per pixel: three uint16 channels in; those, a mask, labels and two float32 stacks out."""


@dataclass(frozen=True)
class StepCost:
    """What one step costs on one movie."""

    scene: Scene
    step: str
    ms: float
    """CPU per megapixel-frame."""
    peak_mb: float
    """Anonymous memory of the process that did it."""


def step_costs(scene: Scene, folder: Path, repeats: int) -> list[StepCost]:
    """Measure every step of one FOV, and all of them, with their outputs written."""
    run = _prepared(scene.file(folder), folder / "out")
    warm_up(run.metadata.dtype, run.params)
    costs = [_cost(scene, run, service.name, repeats) for service in run.services]
    total = sum(cost.ms for cost in costs)
    return [*costs, StepCost(scene, "whole FOV", total, max(cost.peak_mb for cost in costs))]


def outputs_of(scene: Scene, folder: Path) -> Layout:
    """Run every step on one FOV and say where its outputs are."""
    run = _prepared(scene.file(folder), folder / "out")
    _work(run, run.services)
    return run.layout


def moving_bytes(scene: Scene, folder: Path, repeats: int) -> float:
    """CPU of reading the frames and writing as many bytes as the outputs have, ms/Mpx-frame."""
    output = folder / "moved"
    move = partial(_move, scene.file(folder), scene, output)

    def prepare() -> None:
        shutil.rmtree(output, ignore_errors=True)
        _bring_to_memory(scene.file(folder))

    return cpu_ms(move, repeats, prepare, bytes_moved(scene)) / scene.megapixel_frames


def bytes_moved(scene: Scene) -> int:
    """Bytes that the whole workflow reads and writes."""
    return round(scene.megapixel_frames * 1e6) * (BYTES_READ + BYTES_WRITTEN)


def _prepared(file: Path, output: Path) -> PreparedRun:
    shutil.rmtree(output, ignore_errors=True)
    with open_microscopy(file) as source:
        metadata = source.metadata
    return prepare_run(metadata, ProcessingContext(output, CHANNELS), [0])


def _cost(scene: Scene, run: PreparedRun, step: str, repeats: int) -> StepCost:
    services = [service for service in run.services if service.name == step]

    peaks = []

    def prepare() -> None:
        _remove_outputs(run, services)
        _bring_to_memory(run.metadata.file_path)

    def work() -> None:
        with peak_anonymous_memory() as peak:
            _work(run, services)
        peaks.append(peak.megabytes)

    ms = cpu_ms(work, repeats, prepare, bytes_moved(scene)) / scene.megapixel_frames
    return StepCost(scene, step, ms, max(peaks))


def _remove_outputs(run: PreparedRun, services: Sequence[BaseProcessingService]) -> None:
    for service in services:
        for path in service.outputs(run.layout, 0):
            path.unlink(missing_ok=True)


def _bring_to_memory(file: Path) -> None:
    """Read a file that copying has let go of, so that no disk is measured."""
    with file.open("rb", buffering=0) as frames:
        while frames.read(1 << 20):
            pass


def _work(run: PreparedRun, services: Sequence[BaseProcessingService]) -> None:
    sink = LocalSink(ProgressHub(), 0)
    outcome = run_job(Job(0, run.metadata, run.context, run.layout, services, run.stamps, sink))
    if outcome.error:
        raise RuntimeError(outcome.details)


def _move(file: Path, scene: Scene, output: Path) -> None:
    shape = (scene.n_frames, scene.size, scene.size)
    spare = np.zeros((*shape[1:], BYTES_WRITTEN - BYTES_READ), np.uint8)
    with open_microscopy(file, read_once=True) as source:
        rest = write_npy_stream(output / "rest.npy", (scene.n_frames, *spare.shape), np.uint8)
        raw = write_npy_stream(output / "raw.npy", (scene.n_frames, 3, *shape[1:]), np.uint16)
        with rest as rest_stream, raw as raw_stream:
            for t in range(scene.n_frames):
                raw_stream.write(source.read_channels(0, t, (0, 1, 2)))
                rest_stream.write(spare)
