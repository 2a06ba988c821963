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

    from pyama_core.io.nd2.description import Nd2Description

_BLOCK: Final = 1 << 16

_TAIL = struct.Struct("<32sQ")
_MAP_SIGNATURE: Final = b"LABORATORY IMAGING ND BOX MAP 00"
_ENTRY = struct.Struct("<4s4sQ")
"""An entry of the map of the boxes: its kinds, and where it begins."""

_PLANE: Final = b"LUNK"
_CODESTREAM = struct.Struct(">8x4s4xIIII")
"""How the box of a plane begins: marker, edges of the picture on its grid, and where it begins."""
_START: Final = b"\xff\x4f\xff\x51"


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
            self._planes = _planes(path)
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
        self._check_sizes(index, (width, height))
        planes = self._decoded(index)
        if planes.size != n_channels * height * width:
            raise self._damaged(index)
        planes = planes.reshape(n_channels, height, width)
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
            raise self._damaged(index) from error

    def _check_sizes(self, index: int, size: tuple[int, int]) -> None:
        """Check that no plane of a frame is larger, decoded, than the file says of its frames."""
        n_planes = self._file.attributes.channelCount or 1
        try:
            with self._path.open("rb") as file:
                for place in self._planes[index * n_planes : (index + 1) * n_planes]:
                    file.seek(place)
                    marker, width, height, left, top = _CODESTREAM.unpack(
                        file.read(_CODESTREAM.size)
                    )
                    if marker != _START or (width - left, height - top) != size:
                        raise ValueError(f"a plane of {width} x {height}")
        except (OSError, OverflowError, ValueError, struct.error):
            raise self._damaged(index) from None

    def _damaged(self, index: int) -> ReadError:
        return ReadError(f"Frame {index} of {self._path.name} is damaged; copy the file again.")

    def _time_ms(self, index: int) -> float:
        try:
            stated = self._file.frame_metadata(index)
        except (IndexError, KeyError):
            return float("nan")
        return float(stated.get("TimeMSec", "nan")) if isinstance(stated, dict) else float("nan")


def _planes(path: Path) -> list[int]:
    """Return where the box of each plane begins."""
    with path.open("rb") as file:
        file.seek(-_TAIL.size, 2)
        signature, distance = _TAIL.unpack(file.read())
        if signature != _MAP_SIGNATURE:
            raise ValueError("no map")
        file.seek(-distance, 2)
        n_boxes = int.from_bytes(file.read(4), "big")
        entries = file.read()[: n_boxes * _ENTRY.size]
    whole = entries[: len(entries) // _ENTRY.size * _ENTRY.size]
    return [place for _, kind, place in _ENTRY.iter_unpack(whole) if kind == _PLANE]
