"""Frames of a modern ND2 file: channels, interleaved in the file, taken apart."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.errors import ReadError
from pyama_core.io.nd2_chunks import ChunkFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import xxhash
    from numpy.typing import NDArray

    from pyama_core.io.nd2_metadata import Nd2Description

STRIP_BYTES: Final = 1 << 19
"""How much is read at once: small enough to be taken apart while it is in the cache."""

_TIME_BYTES: Final = 8
_TIMES_CHUNK: Final = b"CustomData|AcqTimesCache!"
_DESCRIBING_CHUNKS: Final = (
    b"ImageAttributesLV!",
    b"ImageMetadataLV!",
    b"ImageMetadataSeqLV|0!",
    _TIMES_CHUNK,
)


class ModernFrames:
    """Frames of an ND2 file of version 2 or 3, by sequence index; see `FrameStore`."""

    def __init__(self, path: Path, read_once: bool = False) -> None:
        self._path = path
        self._read_once = read_once
        self._file = ChunkFile(path)

    def held(self, n_frames: int) -> NDArray[np.bool_]:
        """Which sequence indices the file holds."""
        return self._file.held(n_frames)

    def times_ms(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return times of some sequence indices, NaN where unknown.

        They are from the file's list of times, or where it has none from the frames' own stamps,
        which are the same to the last digit in files of microscopes.
        """
        times = np.full(indices.shape, np.nan)
        if _TIMES_CHUNK in self._file:
            content = self._file.load(_TIMES_CHUNK)
            listed = np.frombuffer(content[: len(content) // 8 * 8], "<f8")
            known = indices < len(listed)
            times[known] = listed[indices[known]]
        else:
            held = self._file.held(int(indices.max(initial=0)) + 1)[indices]
            times[held] = [self._stamp_ms(index) for index in indices[held].tolist()]
        return times

    def update(self, digest: xxhash.xxh3_128, sampled: Sequence[int]) -> None:
        """Digest size, map, describing chunks and sampled frames."""
        digest.update(struct.pack("<Q", self._file.size))
        digest.update(self._file.map_bytes)
        for name in _DESCRIBING_CHUNKS:
            if name in self._file:
                digest.update(self._file.load(name))
        for index in sampled:
            for strip in self._file.strips(*self._file.frame_content(index), STRIP_BYTES):
                digest.update(strip)

    def read(
        self, index: int, description: Nd2Description, channels: Sequence[int]
    ) -> NDArray[Any]:
        """Channels of a frame, ``(len(channels), H, W)``; raises ReadError where damaged."""
        start, size = self._file.frame_content(index)
        try:
            unpack = self._inflated if description.compressed else self._split_strips
            planes = unpack(start, size, description, channels)
        except (EOFError, ValueError, zlib.error):
            raise ReadError(
                f"Frame {index} of {self._path.name} is damaged; copy the file again."
            ) from None
        if self._read_once:
            self._file.let_go(start, size)
        return planes

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _stamp_ms(self, index: int) -> float:
        try:
            start, _ = self._file.frame_content(index)
            return float(np.frombuffer(self._file.read(start, _TIME_BYTES), "<f8")[0])
        except (ReadError, EOFError):
            return np.nan

    def _inflated(
        self, start: int, size: int, description: Nd2Description, channels: Sequence[int]
    ) -> NDArray[Any]:
        packed = self._file.read(start + _TIME_BYTES, size - _TIME_BYTES)
        rows = _rows(zlib.decompress(packed), description)
        planes = _planes(description, channels)
        _split(rows, channels, planes)
        return planes

    def _split_strips(
        self, start: int, size: int, description: Nd2Description, channels: Sequence[int]
    ) -> NDArray[Any]:
        height, row_bytes = description.shape[0], description.row_bytes
        if size < _TIME_BYTES + height * row_bytes:
            raise EOFError
        planes = _planes(description, channels)
        n_rows = min(height, max(1, STRIP_BYTES // row_bytes))
        buffer = memoryview(bytearray(n_rows * row_bytes))
        for top in range(0, height, n_rows):
            bottom = min(top + n_rows, height)
            strip = buffer[: (bottom - top) * row_bytes]
            self._file.read_into(start + _TIME_BYTES + top * row_bytes, strip)
            _split(_rows(strip, description), channels, planes[:, top:bottom])
        return planes


def _planes(description: Nd2Description, channels: Sequence[int]) -> NDArray[Any]:
    return np.empty((len(channels), *description.shape[:2]), description.dtype)


def _rows(stored: bytes | memoryview, description: Nd2Description) -> NDArray[Any]:
    """View stored rows as ``(rows, W, C)``, without their padding."""
    _, width, n_channels = description.shape
    dtype = np.dtype(description.dtype).newbyteorder("<")
    padded = np.frombuffer(stored, np.uint8).reshape(-1, description.row_bytes)
    used: NDArray[Any] = padded[:, : width * n_channels * dtype.itemsize].view(dtype)
    return used.reshape(len(used), width, n_channels)


def _split(rows: NDArray[Any], channels: Sequence[int], planes: NDArray[Any]) -> None:
    for plane, channel in zip(planes, channels, strict=True):
        plane[...] = rows[..., channel]
