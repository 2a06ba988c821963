"""What all sources of frames share: range checks, single planes, closing."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from pyama_core.errors import InputError, ReadError
from pyama_core.io.microscopy import MicroscopyMetadata


class BaseSource(ABC):
    """A `MicroscopyFile` whose frames come from `_read`; everything else follows."""

    _closed: bool = False

    @property
    @abstractmethod
    def metadata(self) -> MicroscopyMetadata:
        """What the source says of itself."""

    @abstractmethod
    def identity(self) -> str:
        """Digest of the content, not of path or date."""

    @abstractmethod
    def _read(self, fov: int, frame: int, channels: Sequence[int], z: int) -> NDArray[Any]:
        """Read channels of one frame of an open source; the indices are in range."""

    def read_frame(self, fov: int, channel: int, frame: int, z: int = 0) -> NDArray[Any]:
        """Read one plane ``(H, W)``, a copy that outlives the source.

        Raises
        ------
        InputError
            An index is out of range.
        ReadError
            The source is closed or the frame is damaged.
        """
        plane: NDArray[Any] = self.read_channels(fov, frame, [channel], z)[0]
        return plane

    def read_channels(
        self, fov: int, frame: int, channels: Sequence[int], z: int = 0
    ) -> NDArray[Any]:
        """Read channels of one frame at once, ``(len(channels), H, W)``, contiguous copies.

        Planes that are not there read as zeros, in floats as NaN (`pyama_core.planes`).

        Raises
        ------
        InputError
            An index is out of range.
        ReadError
            The source is closed or the frame is damaged.
        """
        self._check_open()
        metadata = self.metadata
        self._check_range("fov", fov, metadata.n_fovs)
        self._check_range("frame", frame, metadata.n_frames)
        self._check_range("z", z, metadata.n_z)
        for channel in channels:
            self._check_range("channel", channel, metadata.n_channels)
        return self._read(fov, frame, channels, z)

    def close(self) -> None:
        """Let go of the source; reading again is an error."""
        self._closed = True

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ReadError(f"{self.metadata.base_name} is closed: open it again to read from it.")

    def _check_range(self, name: str, index: int, size: int) -> None:
        if not 0 <= index < size:
            raise InputError(
                f"{name} {index} is out of range: {self.metadata.base_name} has {size}, "
                f"numbered 0 to {size - 1}."
            )


def sampled(items: Sequence[int]) -> list[int]:
    """Pick the first, the middle and the last, each once."""
    places = sorted({0, len(items) // 2, len(items) - 1} if items else set())
    return [items[place] for place in places]
