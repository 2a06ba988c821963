"""What an algorithm takes as a time lapse: anything that gives one frame at a time."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


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


Tick = Callable[[str, int], None]
"""Called once per frame of a preparatory pass with what is done; may raise to cancel."""


def no_tick(message: str, frame: int) -> None:
    """Take no notice of progress."""
