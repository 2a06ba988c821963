"""Single-cell fluorescence traces from multi-position time lapses: the headless library.

What a script needs is offered here; it is loaded when it is first used.

Files: `open_microscopy` reads a microscopy file, `ArraySource` takes arrays in its place, and
`run_complete_workflow` leads from either to trace tables, which `read_results` and `read_traces`
read.

Arrays: `segment`, `correct_background`, `track` and `extract_traces` are the steps as functions.

>>> import numpy as np
>>> import pyama_core as pyama

Two cells, rough where the medium is smooth, that grow brighter from frame to frame:

>>> rng = np.random.default_rng(seed=1)
>>> cells = np.zeros((40, 96, 96), dtype=bool)
>>> cells[:, 10:40, 10:40] = cells[:, 55:85, 50:80] = True
>>> phase = (1000 + rng.normal(0, np.where(cells, 200, 5))).astype(np.uint16)
>>> glow = np.where(cells, 2.0 * np.arange(40)[:, None, None], 0)
>>> gfp = (100 + glow + rng.normal(0, 2, cells.shape)).astype(np.uint16)

>>> masks = pyama.segment(phase)
>>> corrected = pyama.correct_background(gfp, masks)
>>> labels, lineage = pyama.track(masks)
>>> lineage["cell"].tolist()
[1, 2]
>>> traces = pyama.extract_traces(labels, {1: corrected})[1]
>>> last = traces["frame"] == 39
>>> np.round(traces["intensity_total"][last], -3).tolist()
[71000.0, 71000.0]
"""

from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    """Load what is offered when it is asked for, and so the version, which costs as much."""
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-pyama")
    return _load(name)
