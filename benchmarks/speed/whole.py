"""The whole run from ND2 to traces, and what starts before it."""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.speed.measure import settle
from benchmarks.speed.scenes import Scene
from benchmarks.speed.steps import CHANNELS, bytes_moved
from pyama_core.io import MicroscopyMetadata, open_microscopy
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.services.types import ProcessingContext


@dataclass(frozen=True)
class RunTimes:
    """Wall time of `run_complete_workflow`, start of the pool included; s."""

    memory_at_hand: float
    memory_as_found: float


def run_times(scene: Scene, folder: Path, repeats: int) -> RunTimes:
    """Time the whole run, each kind of memory in turn; medians."""
    with open_microscopy(scene.file(folder)) as source:
        metadata = source.metadata
    found, at_hand = [], []
    for _ in range(repeats):
        found.append(_run_once(metadata, folder / "run"))
        at_hand.append(_run_once(metadata, folder / "run", bytes_moved(scene)))
    return RunTimes(median(at_hand), median(found))


def start_seconds(code: str, repeats: int) -> float:
    """Median wall time of a fresh Python that runs a statement; s."""
    command = [sys.executable, "-c", code]
    return median(_timed(command) for _ in range(repeats))


def _run_once(metadata: MicroscopyMetadata, output: Path, bytes_at_hand: int = 0) -> float:
    shutil.rmtree(output, ignore_errors=True)
    settle(bytes_at_hand)
    started = time.perf_counter()
    run_complete_workflow(metadata, ProcessingContext(output, CHANNELS), n_workers=2)
    return time.perf_counter() - started


def _timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
