"""What programs and docks do with files, other than through a command."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.stress.marks import save_some_marks
from pyama_core.errors import InputError, sentence_of

_FIRST_CELLS: Final = (1, 2, 3)


def spoken(use: Callable[[], Any]) -> Callable[[], int]:
    """Return the task that says what was wrong as a command or a dock does."""

    def task() -> int:
        try:
            use()
        except (InputError, OSError) as error:
            print(f"Error: {sentence_of(error)}", file=sys.stderr)
            return 2
        return 0

    return task


def read_microscopy(path: Path) -> None:
    """Read all frames of a microscopy file."""
    from pyama_core.io import open_microscopy

    with open_microscopy(path) as source:
        sizes = source.metadata
        source.identity()
        for fov in range(min(sizes.n_fovs, 3)):
            for t in range(min(sizes.n_frames, 3)):
                source.read_channels(fov, t, range(sizes.n_channels), sizes.n_z - 1)
            sizes.times_of(fov)


def read_index(folder: Path) -> None:
    """Read what a results folder holds, and all of its tables."""
    from pyama_core.io.results import read_results
    from pyama_core.io.traces import read_traces

    for files in read_results(folder).fovs.values():
        for channel, path in files.traces_csv:
            read_traces(path, channel)


def read_trace_table(path: Path) -> None:
    """Read a trace table."""
    from pyama_core.io.traces import channels_of, read_traces

    for channel in channels_of(path):
        read_traces(path, channel)


def mark(path: Path) -> None:
    """Give a mark to a trace of a table."""
    from pyama_core.io.inspection import save_marks

    save_marks(path, {1: False})


def mark_all(folder: Path) -> None:
    """Give marks to traces of all tables."""
    save_some_marks(folder)


def read_marks(folder: Path) -> None:
    """Read the marks and the tables of all FOVs."""
    from pyama_core.io.inspection import load_marks
    from pyama_core.io.results import read_results
    from pyama_core.io.traces import read_traces

    for files in read_results(folder).fovs.values():
        for channel, path in files.traces_csv:
            load_marks(path)
            read_traces(path, channel)


def read_lineage(path: Path) -> None:
    """Look cells up in a lineage table."""
    from napari_pyama.traces.labels import relatives_of
    from pyama_core.io.tables import read_table

    table = read_table(path)
    for cell in _FIRST_CELLS:
        relatives_of(table, cell)


def write_whole_table(folder: Path) -> None:
    """Write the table of the whole experiment, as a run does at its end."""
    from pyama_core.io.experiment import write_experiment_table
    from pyama_core.io.results import read_results

    write_experiment_table(read_results(folder), folder / "traces.csv")


def parquet(folder: Path) -> None:
    """Write the table of all traces as Parquet."""
    from pyama_core.io.experiment import write_parquet

    write_parquet(folder / "traces.csv")


def read_background(path: Path) -> None:
    """Read a background, and compute its images."""
    from pyama_core.processing.correction import load_background

    background = load_background(path)
    background.gain_image()
    for t in range(len(background.surfaces)):
        background.surface(t)


def read_backgrounds(folder: Path) -> None:
    """Read the backgrounds that a results folder lists."""
    from pyama_core.io.results import read_results

    for files in read_results(folder).fovs.values():
        for _, path in files.background:
            read_background(path)


def read_classifier(path: Path) -> None:
    """Read a classifier, and ask it about a frame."""
    import numpy as np

    from pyama_core.processing.segmentation.trained import PixelClassifier

    PixelClassifier.load(path).probabilities(np.arange(64 * 64.0).reshape(64, 64))
