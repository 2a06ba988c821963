"""What an algorithm takes as a time lapse: anything that gives one frame at a time."""

from collections.abc import Callable
from typing import Any, Protocol

from numpy.typing import NDArray


class Stack(Protocol):
    """Frames of one channel over time: an array ``(T, H, W)`` or anything that acts so."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(T, H, W)``."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, frame: int, /) -> NDArray[Any]: ...


Tick = Callable[[str, int], None]
"""Called once per frame of a preparatory pass with what is done and the frame; may raise to cancel."""


def no_tick(message: str, frame: int) -> None:
    """Take no notice of progress."""
