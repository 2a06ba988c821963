"""Which planes of a recording hold data, and how to say which do not.

A microscope that takes fluorescence at every third time point only leaves the planes between out of
the file, or fills them with zeros. Such a plane is a missing value, not darkness: a camera that
looks at darkness reads its offset and its noise.
"""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.fov_ranges import format_fovs
from pyama_core.messages import Message

_RANGES_LISTED: Final = 8
"""So many frames or ranges of frames are written out before the rest is only counted."""
_FEWEST_OF_A_SERIES: Final = 5
"""So many equally spaced frames are written as a series instead of one by one."""


def is_recorded(plane: NDArray[Any]) -> bool:
    """Return whether a plane ``(H, W)`` holds data.

    It does not where every pixel is 0 in whole numbers, or NaN in floats, in which 0 is a value.
    Most planes are known by their first row; one that is not is read once.
    """
    if plane.dtype.kind == "f":
        return not (np.isnan(plane[:1]).all() and np.isnan(plane).all())
    if plane[:1].any():
        return True
    # The greatest of unsigned numbers is found many pixels at a time, any() looks at each.
    return bool(plane.max(initial=0) > 0) if plane.dtype.kind in "ub" else bool(plane.any())


def nothing_recorded(shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> NDArray[Any]:
    """Return planes that hold no data: zeros in whole numbers, NaN in floats."""
    dtype = np.dtype(dtype)
    return np.full(shape, np.nan if dtype.kind == "f" else 0, dtype)


def missing_message(
    channel: str, missing: Collection[int], n_frames: int, consequence: str
) -> Message | None:
    """Say which planes of a channel hold no data; None where all do.

    Parameters
    ----------
    channel
        What the channel is called.
    missing
        Its frames without data.
    n_frames
        Number of frames of the time lapse.
    consequence
        What that means for the results, the end of the sentence.
    """
    if not missing:
        return None
    which = listed_frames(missing, n_frames)
    return Message(
        f"Not recorded in {channel}: {which} (no frame in the file, or every pixel 0 or NaN); "
        f"{consequence}.",
        "warning",
    )


def listed_frames(frames: Collection[int], n_frames: int) -> str:
    """Write frames of a time lapse in the shortest way, the others where these are most of them.

    Examples
    --------
    >>> listed_frames([3, 4, 5, 9], 20)
    'frames 3-5, 9'
    >>> listed_frames([1, 2, 4, 5, 7, 8, 10, 11], 12)
    'every frame but 0, 3, 6, 9'
    """
    chosen = sorted(set(frames))
    others = sorted(set(range(n_frames)) - set(chosen))
    if not others:
        return "all frames"
    if len(chosen) > len(others):
        return f"every frame but {_in_words(others)}"
    return f"frame{'s' if len(chosen) > 1 else ''} {_in_words(chosen)}"


def _in_words(frames: Sequence[int]) -> str:
    steps = {b - a for a, b in pairwise(frames)}
    if len(frames) >= _FEWEST_OF_A_SERIES and len(steps) == 1 and steps != {1}:
        return f"{frames[0]}, {frames[1]}, {frames[2]}, ..., {frames[-1]}"
    words = format_fovs(frames).split(", ")
    if len(words) <= _RANGES_LISTED:
        return ", ".join(words)
    return f"{', '.join(words[:_RANGES_LISTED])}, ... ({len(frames)} in all)"
