"""The whole run from ND2 to traces, and what starts before it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.speed.scenes import Scene
from benchmarks.speed.steps import CHANNELS
from pyama_core.io import MicroscopyMetadata, open_microscopy
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.services.types import ProcessingContext


def run_seconds(scene: Scene, folder: Path, repeats: int) -> float:
    """Median wall time of `run_complete_workflow`, start of the pool included; s."""
    with open_microscopy(scene.file(folder)) as source:
        metadata = source.metadata
    return median(_run_once(metadata, folder / "run") for _ in range(repeats))


def start_seconds(code: str, repeats: int) -> float:
    """Median wall time of a fresh Python that runs a statement; s."""
    command = [sys.executable, "-c", code]
    return median(_timed(command) for _ in range(repeats))


def _run_once(metadata: MicroscopyMetadata, output: Path) -> float:
    shutil.rmtree(output, ignore_errors=True)
    os.sync()  # what earlier work left to be written would be written at this run's expense
    started = time.perf_counter()
    run_complete_workflow(metadata, ProcessingContext(output, CHANNELS), n_workers=2)
    return time.perf_counter() - started


def _timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
