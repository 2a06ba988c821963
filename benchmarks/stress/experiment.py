"""A tiny experiment, its commands, and whether two results folders are the same."""

import gc
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.stress import children
from pyama_core.io.nd2.layout import Nd2Layout, Position, TimePhase
from pyama_core.io.nd2.writer import write_nd2
from pyama_core.io.types import ChannelInfo

N_FOVS, N_FRAMES, SIZE = 2, 4, 64
MINUTES_PER_FRAME: Final = 5.0
SECONDS_PER_RUN: Final = 120.0
"""After that a run of so little counts as hanging, on a busy machine too."""

SETTINGS: Final = (
    "segmentation.opening_size=3",
    "segmentation.min_size=20",
    "segmentation.split=distance",
    "extraction.min_trace_length=2",
)
SAMPLES: Final = "samples:\n- {name: A, fovs: 0}\n- {name: B, fovs: '1'}\n"

_VOLATILE_FILES: Final = ("run_log.json", "runs")
_VOLATILE_KEYS: Final = frozenset({"seconds", "started", "finished", "former_digest"})


@dataclass(frozen=True)
class Experiment:
    """A microscopy file and the results of an undisturbed run on it."""

    file: Path
    samples: Path
    reference: Path
    n_fovs: int = N_FOVS

    def run(self, output: Path, *more: str, workers: int = 1) -> list[str]:
        """Return the command line of a run."""
        settings = [part for setting in SETTINGS for part in ("--set", setting)]
        size = ["--workers", str(workers), "--batch-size", str(workers)]
        given = ["run", str(self.file), "-o", str(output), "--pc", "0", "--fl", "1"]
        return [*given, *size, *settings, *more]

    def merge(self, folder: Path) -> list[str]:
        """Return the command line of a merge."""
        return ["merge", str(folder), str(self.samples)]

    def copy_of_results(self, folder: Path) -> Path:
        """Copy the results of the undisturbed run into a folder."""
        shutil.copytree(self.reference, folder, symlinks=True)
        return folder


def make_experiment(folder: Path, n_fovs: int = N_FOVS) -> Experiment:
    """Write the microscopy file, and run the workflow on it."""
    folder.mkdir(parents=True, exist_ok=True)
    experiment = Experiment(
        folder / "movie.nd2", folder / "samples.yaml", folder / "reference", n_fovs
    )
    write_movie(experiment.file, n_fovs)
    experiment.samples.write_text(SAMPLES)
    ended = children.run(
        command(experiment.run(experiment.reference)),
        folder / "making",
        seconds=2 * SECONDS_PER_RUN,
    )
    if ended.code != 0:
        raise RuntimeError(f"The undisturbed run failed:\n{ended.text}")
    return experiment


def write_movie(path: Path, n_fovs: int = N_FOVS, n_frames: int = N_FRAMES) -> None:
    """Write a movie of rough, glowing blobs."""
    layout = Nd2Layout(
        phases=(TimePhase(n_frames),),
        positions=tuple(Position(f"Pos{fov}") for fov in range(n_fovs)),
    )
    write_nd2(
        path,
        lambda fov, t, z: _frame(fov, t),
        channels=(ChannelInfo("Phase"), ChannelInfo("GFP", emission_nm=509.0)),
        layout=layout,
        pixel_size_um=0.65,
        frame_times_ms=np.arange(n_frames) * MINUTES_PER_FRAME * 60_000,
    )


def _frame(fov: int, t: int) -> NDArray[np.uint16]:
    rng = np.random.default_rng((fov, t))
    rows, columns = np.indices((SIZE, SIZE))
    phase = rng.normal(8000, 20, (SIZE, SIZE))
    glow = np.full((SIZE, SIZE), 300.0)
    for row, column in ((0.3, 0.3), (0.7, 0.65)):
        inside = np.hypot(rows - row * SIZE - t, columns - column * SIZE) < SIZE / 7
        phase[inside] += rng.normal(0, 900, int(inside.sum()))
        glow[inside] += 200 + 50 * t
    return np.stack([phase, rng.poisson(glow)]).astype(np.uint16)


def command(arguments: list[str], *, in_threads: bool = True) -> Callable[[], int]:
    """Return the task that does what ``pyama ARGUMENTS`` does.

    Parameters
    ----------
    arguments
        What stands on the command line.
    in_threads
        Whether the steps run in a thread of the child instead of in worker processes.
    """

    def task() -> int:
        import pyama_core.cli.run as runs
        from pyama_core.cli import main

        if in_threads:
            runs.run_complete_workflow = _threaded(runs.run_complete_workflow)
        sys.argv = ["pyama", *arguments]
        try:
            main()
        finally:
            if not in_threads:
                gc.collect()  # As when Python ends: else locks of the workers' pool are left.
        return 0

    return task


def _threaded(workflow: Callable[..., bool]) -> Callable[..., bool]:
    def run(*given: Any, **options: Any) -> bool:
        with ThreadPoolExecutor(1) as executor:
            return workflow(*given, **(options | {"executor": executor}))

    return run


def preload() -> None:
    """Import and compile once what every forked child needs."""
    import pandas as pd
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    import pyama_core.cli.report
    import pyama_core.cli.run
    import pyama_core.io.samples  # noqa: F401
    from pyama_core.processing.workflow.execution.worker import warm_up
    from pyama_core.processing.workflow.params import workflow_params

    warm_up("uint16", workflow_params({"segmentation": {"split": "distance"}}, {}))
    pd.DataFrame({"a": ["text"]}).pivot_table(index="a", aggfunc="size")
    figure = Figure()
    figure.subplots().set_title("loads the fonts")
    FigureCanvasAgg(figure).draw()


def differences(reference: Path, found: Path) -> list[str]:
    """Say where two results folders differ: any byte, but for times and how long things took."""
    expected, got = _files(reference), _files(found)
    gone = [f"{name} is missing" for name in sorted(expected.keys() - got.keys())]
    more = [f"{name} should not be there" for name in sorted(got.keys() - expected.keys())]
    other = [
        f"{name} differs"
        for name in sorted(expected.keys() & got.keys())
        if _content(expected[name]) != _content(got[name])
    ]
    return [*gone, *more, *other]


def leftovers(folder: Path) -> list[str]:
    """Return unfinished files and locks."""
    found = (
        path
        for pattern in (".partial-*", ".*.partial", ".lock*")
        for path in _glob(folder, pattern)
    )
    return [f"{path.relative_to(folder)} is left" for path in found]


def _glob(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.rglob(pattern))


def _files(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in _walk(folder)}


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and parts[0] not in _VOLATILE_FILES and not path.name.startswith("."):
            yield path


def _content(path: Path) -> Any:
    if path.suffix == ".json":
        return _without_times(json.loads(path.read_bytes()))
    if path.suffix == ".yaml":
        return _without_times(yaml.safe_load(path.read_bytes()))
    return path.read_bytes()


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k not in _VOLATILE_KEYS}
    return [_without_times(item) for item in value] if isinstance(value, list) else value
