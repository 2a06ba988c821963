"""The file of a background: plain arrays in one ``.npz``, checked when they are read."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import ReadError
from pyama_core.npy import read_npz
from pyama_core.processing.correction.background import Background

_LARGEST: Final = 2**30
"""Bytes of all arrays; those of 10 000 frames of 2048 x 2048 take about 50 MB."""
_ADVICE: Final = "remove it, and the next run makes it again"
_FORMS: Final = {
    "method": ("U", 0),
    "reason": ("U", 0),
    "shape": ("iu", 1),
    "hold": ("b", 0),
    "nodes_y": ("f", 1),
    "nodes_x": ("f", 1),
    "surfaces": ("f", 3),
    "gain": ("f", 2),
    "medians": ("f", 3),
    "masked_share": ("f", 1),
    "residual": ("f", 0),
    "camera_offset": ("f", 0),
}
"""Kind of values and number of axes of each array."""
_MOST_PIXELS: Final = 2**32
"""Of a frame; no camera has as many."""

Arrays = Mapping[str, NDArray[Any]]


def load_background(path: Path) -> Background:
    """Read the background that a run took out of one channel of one FOV.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It is no such file, or damaged.
    """
    what = "a background of this library"
    arrays = read_npz(path, what=what, most_bytes=_LARGEST, advice=_ADVICE)
    if wrong := next(iter(_faults(arrays)), ""):
        raise ReadError(f"{path} is not {what}, or damaged ({wrong}): {_ADVICE}.")
    return Background.from_arrays(arrays)


def _faults(arrays: Arrays) -> list[str]:
    """Say what keeps the arrays from being a background."""
    known = {item.name for item in fields(Background)}
    gone = sorted(known - {"gain"} - set(arrays))
    more = sorted(set(arrays) - known)
    if gone or more:
        return [f"{name} is missing" for name in gone] + [f"{name} is unknown" for name in more]
    other = [f"{name} has another form" for name in arrays if not _fits(name, arrays[name])]
    return other or _mismatches(arrays)


def _fits(name: str, array: NDArray[Any]) -> bool:
    kinds, ndim = _FORMS.get(name, (array.dtype.kind, array.ndim))
    return array.dtype.kind in kinds and array.ndim == ndim


def _mismatches(arrays: Arrays) -> list[str]:
    """Say which arrays do not go together."""
    nodes = (arrays["nodes_y"], arrays["nodes_x"])
    grid = tuple(len(each) for each in nodes)
    n_frames = len(arrays["surfaces"])
    shape = arrays["shape"]
    gain = arrays.get("gain")
    checks = {
        "shape is not that of a frame": len(shape) == 2
        and bool((shape > 0).all())
        and int(shape[0]) * int(shape[1]) <= _MOST_PIXELS,
        "nodes do not ascend": all(each.size > 0 and _ascend(each) for each in nodes),
        "surfaces do not fit the nodes": arrays["surfaces"].shape[1:] == grid,
        "gain does not fit the nodes": gain is None or gain.shape == grid,
        "medians are not of as many frames": len(arrays["medians"]) == n_frames,
        "masked_share is not of as many frames": len(arrays["masked_share"]) == n_frames,
    }
    return [sentence for sentence, holds in checks.items() if not holds]


def _ascend(nodes: NDArray[Any]) -> bool:
    return bool(np.isfinite(nodes).all() and (np.diff(nodes) > 0).all())
