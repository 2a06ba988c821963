"""What an algorithm takes as a time lapse: anything that gives one frame at a time."""

from collections.abc import Callable, Collection
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pyama_core.planes import is_recorded


class Stack(Protocol):
    """Frames of one channel over time: an array ``(T, H, W)`` or anything that acts so."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(T, H, W)``."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, frame: int, /) -> NDArray[Any]: ...


def read_only(image: NDArray[Any]) -> NDArray[Any]:
    """Give a C-contiguous view that is not for writing, as frames of a mapped file are.

    Kernels are compiled for one kind of array instead of two.
    """
    image = np.ascontiguousarray(image).view()
    image.flags.writeable = False
    return image


def frames_unseen(
    segmented: Stack, phase: Stack | None, missing: Collection[int] = ()
) -> frozenset[int]:
    """Return the frames in which no cell can have been seen.

    Parameters
    ----------
    segmented
        ``(T, H, W)`` masks or labels.
    phase
        The segmented channel, where it is at hand: a frame of it that was not recorded shows no
        cells, unless they were drawn by somebody.
    missing
        Frames the file does not hold.
    """
    if phase is None:
        return frozenset(missing)
    unseen = (
        t
        for t in range(len(segmented))
        if t in missing or not (is_recorded(phase[t]) or segmented[t].any())
    )
    return frozenset(unseen)


Tick = Callable[[str, int], None]
"""Called once per frame of a preparatory pass with what is done; may raise to cancel."""


def no_tick(message: str, frame: int) -> None:
    """Take no notice of progress."""
