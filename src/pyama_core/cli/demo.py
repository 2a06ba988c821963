"""``pyama demo``: the sample experiment, the whole workflow, and a comparison with the truth."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import typer
from numpy.typing import NDArray

from pyama_core.cli.run import RunRequest, run_workflow
from pyama_core.columns import CELL, GOOD, INTENSITY_TOTAL, TIME
from pyama_core.io.atomic import remove_partial
from pyama_core.overview import Truth
from pyama_core.sample import SampleTruth, make_sample

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
