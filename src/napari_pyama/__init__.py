"""The napari plugin of PyAMA: a thin skin over `pyama_core`.

Every step is also a plain function here, named like its command, for arrays and layers.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyama_core.functions import (
        copy,
        correct_background,
        extract_traces,
        run_complete_workflow,
        segment,
        track,
    )

__all__ = [
    "copy",
    "correct_background",
    "extract_traces",
    "run_complete_workflow",
    "segment",
    "track",
]


def __getattr__(name: str) -> Any:
    """Load the functions when one is asked for: starting napari does not wait for them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pyama_core import functions

    return getattr(functions, name)
