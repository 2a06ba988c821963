"""What a segmentation method gives and takes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.segmentation.params import SegmentationParams


@dataclass(frozen=True)
class SegmentedFrame:
    """Where the cells of one frame are.

    Attributes
    ----------
    mask
        ``(H, W)`` bool, True = cell.
    instances
        ``(H, W)`` uint16 (uint32 above 65535 cells), one number per cell and 0 = background, not
        tracked; None where the method tells no cell from its neighbor.
    """

    mask: NDArray[np.bool_]
    instances: NDArray[np.unsignedinteger[Any]] | None = None


class FrameSegmenter(Protocol):
    """Segments the frames of one FOV, in any order."""

    def __call__(self, frame: NDArray[Any], t: int, /) -> SegmentedFrame:
        """Segment `frame` ``(H, W)``, the FOV's frame number `t`."""
        ...


class FrameMethod(Protocol):
    """A method that needs nothing but the frame: a plain function."""

    def __call__(self, frame: NDArray[Any], params: SegmentationParams, /) -> SegmentedFrame:
        """Segment one frame ``(H, W)``."""
        ...


@runtime_checkable
class FovMethod(Protocol):
    """A method that prepares something per FOV: buffers, a model, a folder of label images."""

    def open_fov(self, params: SegmentationParams, fov: int) -> FrameSegmenter:
        """Prepare for the frames of one FOV."""
        ...


@runtime_checkable
class CheckedMethod(Protocol):
    """A method that can say, before any work, whether it has all it needs."""

    def check(self, params: SegmentationParams, fovs: Sequence[int]) -> None:
        """Raise `InputError` where something is lacking for one of the FOVs."""
        ...


@runtime_checkable
class StackMethod(Protocol):
    """A method that has something for each frame, which must fit the frames that there are."""

    def check_stack(
        self, params: SegmentationParams, fov: int, n_frames: int, missing: Collection[int]
    ) -> None:
        """Raise `InputError` where what it has does not fit the frames of a FOV."""
        ...

    def open_stack(
        self, params: SegmentationParams, fov: int, n_frames: int, missing: Collection[int]
    ) -> FrameSegmenter:
        """Prepare for the frames of one FOV; `missing` are those that it will not be asked for."""
        ...
