"""Tables of one FOV's results: its traces and its tracks."""

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pyama.tracks import CellTracks, tracks_of
from pyama_core.errors import ReadError
from pyama_core.io import MicroscopyMetadata, traces
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.trace_table import read_lineage_table
from pyama_core.processing.extraction import ExtractionParams, extract_stack
from pyama_core.processing.workflow.services.stacks import load_stack

Table = dict[str, NDArray[Any]]


def read_traces(files: ResultsPathsPerFOV) -> Table:
    """Read the traces of the first channel that has some; empty where none has."""
    for channel, path in files.traces_csv:
        if path.exists():
            return traces.read_traces(path, channel).table
    return {}


def read_tracks(files: ResultsPathsPerFOV, metadata: MicroscopyMetadata) -> CellTracks:
    """Read where the cells are: from the traces, else measured in the tracked labels.

    A damaged table counts as absent: the folder opens, and its dock says what is wrong.
    """
    table: Table = {}
    with suppress(ReadError):
        table = read_traces(files)
    table = table or _measured(files, metadata)
    if not table:
        return CellTracks(np.empty((0, 4)), {})
    lineage: Table = {}
    if files.lineage is not None and files.lineage[1].exists():
        with suppress(ReadError):
            lineage = read_lineage_table(files.lineage[1])
    return tracks_of(table, lineage)


def _measured(files: ResultsPathsPerFOV, metadata: MicroscopyMetadata) -> Table:
    if files.seg_labeled is None or not files.seg_labeled[1].exists():
        return {}
    labels = load_stack(files.seg_labeled[1], "tracked cells")
    times = np.arange(metadata.n_frames, dtype=np.float64)
    table: Table = extract_stack(labels, {}, ExtractionParams(), times=times, fov=0)[None]
    return table
