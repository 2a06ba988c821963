"""Brush strokes: checked, and brought to the classifier's resolution."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError

Strokes = NDArray[np.uint8]
BACKGROUND, CELL, BORDER = 1, 2, 3
_NAMES = {BACKGROUND: "background", CELL: "cell", BORDER: "border"}


def check_strokes(
    frames: Sequence[NDArray[Any]], strokes: Sequence[NDArray[Any]], fewest: int
) -> None:
    """Make sure that a classifier can be trained on these.

    Raises
    ------
    InputError
        If not: says what to do.
    """
    if not frames or len(frames) != len(strokes):
        raise InputError(
            f"There are {len(frames)} frames and {len(strokes)} stroke images to train on; "
            "give one stroke image for each of one or more frames."
        )
    for number, (frame, drawn) in enumerate(zip(frames, strokes, strict=True)):
        _check_pair(number, frame, drawn)
    counts = np.sum([np.bincount(d.ravel(), minlength=BORDER + 1) for d in strokes], axis=0)
    for kind, name in _NAMES.items():
        if counts[kind] < fewest and (kind != BORDER or counts[kind]):
            raise InputError(
                f"{counts[kind]} pixels are drawn as {name} ({kind}); draw at least {fewest}."
            )


def _check_pair(number: int, frame: NDArray[Any], drawn: NDArray[Any]) -> None:
    if frame.ndim != 2 or min(frame.shape) < 16 or drawn.shape != frame.shape:
        raise InputError(
            f"Frame {number} to train on has shape {frame.shape}, its strokes {drawn.shape}; "
            "give both as the same (height, width), each at least 16."
        )
    if drawn.dtype.kind not in "iu" or drawn.min() < 0 or drawn.max() > BORDER:
        raise InputError(
            f"The strokes on frame {number} hold {drawn.dtype} up to {drawn.max()}; give whole "
            "numbers: 0 = not drawn on, 1 = background, 2 = cell, 3 = border."
        )


def binned_strokes(strokes: NDArray[Any], binning: int) -> Strokes:
    """Give each block the highest kind drawn in it: a thin border prevails over what it parts.

    The size is extended to whole coarse blocks, as `features.contrast` extends the frame.
    """
    padding = [(0, -size % (2 * binning)) for size in strokes.shape]
    padded = np.pad(strokes, padding)
    height, width = padded.shape
    blocks = padded.reshape(height // binning, binning, width // binning, binning)
    highest: Strokes = blocks.max(axis=(1, 3)).astype(np.uint8)
    return highest
