"""The undamaged files that the fuzzer starts from."""

import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from benchmarks.stress import children
from benchmarks.stress.experiment import SIZE, Experiment, make_experiment
from benchmarks.stress.marks import OLD_MARKS, save_some_marks
from pyama_core.io.nd2.layout import Nd2Layout, Position, TimePhase
from pyama_core.io.nd2.writer import write_nd2
from pyama_core.io.types import ChannelInfo

_OLD_LOG: Final = """[
 {"file": "movie.nd2", "started": "2025-01-01T10:00:00+00:00", "outcome": "done", "seconds": 1.5,
  "finished": "2025-01-01T10:00:02+00:00", "warnings": ["a"], "failures": {"1": "b"}}
]"""
"""The log that folders had before each run had a file."""
_TINY: Final = (2, 16, 18)
"""Channels, height and width of the frames of the smallest files."""


def make_sources(folder: Path) -> Experiment:
    """Make one folder with every kind of file: an experiment, its results, and what is beside."""
    experiment = make_experiment(folder)
    experiment.reference.rename(folder / "results")
    results = folder / "results"
    children.run(lambda: save_some_marks(results, OLD_MARKS), folder / "marking", seconds=60)
    children.run(lambda: _train(folder / "classifier.npz"), folder / "training", seconds=120)
    _write_tiny(folder / "tiny.nd2", Nd2Layout((TimePhase(2),), (Position("A"), Position("B"))))
    _write_tiny(folder / "tiny_compressed.nd2", Nd2Layout((TimePhase(3),), compress=True))
    _write_tiny(folder / "tiny_z.nd2", Nd2Layout((TimePhase(2),), n_z=2), period=False)
    _write_indexes_of_pyama(results)
    (results / "run_log.json").write_text(_OLD_LOG)
    for lock in (results / "fov_000" / ".lock", results / ".lock"):
        children.run(lambda path=lock: _leave_lock(path), folder / "locking", seconds=60)
    return experiment


def _write_tiny(path: Path, layout: Nd2Layout, *, period: bool = True) -> None:
    rng = np.random.default_rng(0)
    sizes = layout.sizes
    shape = (sizes["P"], sizes["T"], sizes["Z"])
    times = np.arange(int(np.prod(shape))).reshape(shape) * 60_000.0
    write_nd2(
        path,
        lambda fov, t, z: rng.integers(1, 9, _TINY).astype(np.uint16),
        channels=(ChannelInfo("Phase"), ChannelInfo("GFP", emission_nm=509.0)),
        layout=layout,
        pixel_size_um=0.65,
        frame_times_ms=times if period else None,
    )


def _write_indexes_of_pyama(results: Path) -> None:
    """Write the index as two versions of PyAMA do; a case takes one of them for the index."""
    content: dict[str, Any] = yaml.safe_load((results / "processing_results.yaml").read_bytes())
    entries = content["results_paths"]
    first = {
        "output_dir": "/data/run",
        "channels": {"pc": 0, "fl": [1]},
        "results_paths": {
            fov: {kind: _elsewhere(value) for kind, value in entry.items() if value}
            for fov, entry in entries.items()
        },
        "params": {},
        "time_units": "min",
    }
    later = {
        "output_dir": "/data/run",
        "channels": {"pc": [0, ["area"]], "fl": [[1, ["intensity_total"]]]},
        "results": {
            fov: {"traces": f"/data/run/{entry['traces_csv'][0][1]}"}
            for fov, entry in entries.items()
        },
        "time_units": "min",
    }
    (results / "pyama.yaml").write_text(yaml.safe_dump(first))
    (results / "later_pyama.yaml").write_text(yaml.safe_dump(later))


def _elsewhere(value: Any) -> Any:
    if isinstance(value, str):
        return f"/data/run/{value}"
    return [_elsewhere(item) for item in value] if isinstance(value, list) else value


def _leave_lock(path: Path) -> int:
    """Leave the lock of a process that is gone."""
    from pyama_core.processing.workflow.locks import held_locks

    with held_locks([path]):
        content = path.read_bytes()
    path.write_bytes(content)
    return 0


def _train(path: Path) -> int:
    from pyama_core.processing.segmentation.trained.train import TrainingOptions, train_classifier

    rng = np.random.default_rng(0)
    frame = rng.normal(100, 1, (SIZE, SIZE))
    frame[20:44, 20:44] += rng.normal(0, 30, (24, 24))
    strokes = np.ones((SIZE, SIZE), np.uint8)
    strokes[20:44, 20:44] = 2
    train_classifier([frame], [strokes], TrainingOptions(binning=1, trees=3)).save(path)
    sys.stdout.flush()
    return 0
