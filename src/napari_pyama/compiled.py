"""Have the kernels compiled by another process, so that compiling does not slow napari down."""

import threading

from pyama_core.processing.kernels import kernels_cached
from pyama_core.processing.workflow.executors import make_pool
from pyama_core.processing.workflow.params import WorkflowParams
from pyama_core.processing.workflow.warmup import warm_up, what_compiles

_ready: set[str] = set()
_one_at_a_time = threading.Lock()


def ensure_compiled(dtype: str, recipe: WorkflowParams) -> None:
    """Return when the kernels for these pixels and methods are in the cache; not on the GUI thread.

    Parameters
    ----------
    dtype
        Of the raw frames.
    recipe
        Says which methods are used.
    """
    what = what_compiles(dtype, recipe)
    with _one_at_a_time:
        if what in _ready:
            return
        if not kernels_cached(what):
            _compile(dtype, recipe)
        _ready.add(what)


def _compile(dtype: str, recipe: WorkflowParams) -> None:
    pool = make_pool(1, None)
    try:
        pool.submit(warm_up, dtype, recipe).result()
    finally:
        pool.close()
