"""Frames of a legacy ND2 file, JPEG 2000 boxes, which the nd2 library decodes."""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING, Any, Final

import nd2
import numpy as np

from pyama_core.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import xxhash
    from numpy.typing import NDArray

    from pyama_core.io.nd2_description import Nd2Description

_BLOCK: Final = 1 << 16


class LegacyFrames:
    """Frames of an ND2 file of version 1, by sequence index; see `FrameStore`.

    Raises
    ------
    ReadError
        The map of the frames is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        handle = path.open("rb")
        try:
            self._file = nd2.ND2File(handle)
            self._n_frames = self._file.attributes.sequenceCount
        except Exception as error:
            handle.close()
            raise ReadError(
                f"{path.name} is an incomplete legacy ND2 file; copy it again from where it was "
                "recorded."
            ) from error

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._path.stat().st_size

    @property
    def n_held(self) -> int:
        """Number of frames that the file lists one by one."""
        return self._n_frames

    @property
    def n_indices(self) -> int:
        """One more than the highest sequence index."""
        return self._n_frames

    def has(self, record: str) -> bool:
        """Whether the file has a metadata record of that name; legacy files have others."""
        return False

    def check_records(self) -> None:
        """Do nothing: the metadata are XML, which its reader limits."""

    def per_frame(self, quantity: str) -> NDArray[np.float64] | None:
        """Return None: legacy files have no such lists."""
        return None

    def held(self, n_frames: int) -> NDArray[np.bool_]:
        """Which sequence indices the file holds."""
        return np.arange(n_frames) < self._n_frames

    def times_ms(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return times of some sequence indices, NaN where unknown."""
        times = [self._time_ms(index) for index in indices.ravel().tolist()]
        return np.reshape(times, indices.shape)

    def update(self, digest: xxhash.xxh3_128, sampled: Sequence[int]) -> None:
        """Digest size, beginning, end (the map of the frames) and three blocks between."""
        with self._path.open("rb") as file:
            size = file.seek(0, 2)
            digest.update(struct.pack("<Q", size))
            for start in np.linspace(0, max(0, size - _BLOCK), 2 + len(sampled)).astype(int):
                file.seek(start)
                digest.update(file.read(_BLOCK))

    def read(
        self, index: int, description: Nd2Description, channels: Sequence[int]
    ) -> NDArray[Any]:
        """Channels of a frame, ``(len(channels), H, W)``.

        Raises
        ------
        ReadError
            The JPEG 2000 decoder is not installed, or the frame is damaged.
        """
        height, width, n_channels = description.shape
        planes = self._decoded(index).reshape(n_channels, height, width)
        return np.stack([planes[channel] for channel in channels]).astype(description.dtype)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _decoded(self, index: int) -> NDArray[Any]:
        try:
            with self._lock:
                return self._file.read_frame(index)
        except ModuleNotFoundError:
            raise ReadError(
                f"{self._path.name} is a legacy ND2 file, whose JPEG 2000 frames need a decoder: "
                'pip install "napari-pyama[legacy]".'
            ) from None
        except Exception as error:
            raise ReadError(
                f"Frame {index} of {self._path.name} is damaged; copy the file again."
            ) from error

    def _time_ms(self, index: int) -> float:
        try:
            stated = self._file.frame_metadata(index)
        except (IndexError, KeyError):
            return float("nan")
        return float(stated.get("TimeMSec", "nan")) if isinstance(stated, dict) else float("nan")
