"""Nikon ND2 files as a source of frames."""

from __future__ import annotations

import struct
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import nd2
import numpy as np

from pyama_core.errors import ReadError
from pyama_core.io.atomic import new_digest
from pyama_core.io.nd2.clx import check_record
from pyama_core.io.nd2.container import MAGIC, ChunkFile
from pyama_core.io.nd2.description import FrameStore, describe
from pyama_core.io.nd2.legacy import LegacyFrames
from pyama_core.io.nd2.loops import read_loops
from pyama_core.io.nd2.metadata import build_metadata
from pyama_core.io.sources import BaseSource, sampled
from pyama_core.planes import nothing_recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xxhash
    from numpy.typing import NDArray

    from pyama_core.io.nd2.description import Nd2Description
    from pyama_core.io.types import MicroscopyMetadata


STRIP_BYTES: Final = 1 << 19
"""How much is read at once: small enough to be taken apart while it is in the cache."""

_TIME_BYTES: Final = 8
_DEFLATED_HEAD: Final = 64
"""Bytes that a deflated frame may be longer than its pixels, apart from a share of them."""
_PAGE: Final = 4096
"""Chunks begin at multiples of this; a frame with a larger rest after it has another shape."""
_TIMES_CHUNK: Final = b"CustomData|AcqTimesCache!"
_DESCRIBING_CHUNKS: Final = (
    b"ImageAttributesLV!",
    b"ImageMetadataLV!",
    b"ImageMetadataSeqLV|0!",
    _TIMES_CHUNK,
)


_PARSED_CHUNKS: Final = (
    *(b"ImageAttributesLV!", b"ImageMetadataLV!", b"ImageMetadataSeqLV|0!", b"ImageTextInfoLV!"),
    *(b"ImageAttributes!", b"ImageMetadata!", b"ImageMetadataSeq|0!", b"ImageTextInfo!"),
)
"""What the nd2 library reads of a file, first where it holds records, then where XML."""


class ModernFrames:
    """Frames of an ND2 file of version 2 or 3, by sequence index; see `FrameStore`."""

    def __init__(self, path: Path, read_once: bool = False) -> None:
        self._path = path
        self._read_once = read_once
        self._file = ChunkFile(path)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._file.size

    @property
    def n_held(self) -> int:
        """Number of frames that the file lists one by one."""
        return len(np.unique(self._file.indices))

    @property
    def n_indices(self) -> int:
        """One more than the highest sequence index."""
        return int(self._file.indices[-1]) + 1 if self._file.indices.size else 0

    def has(self, record: str) -> bool:
        """Whether the file has a metadata record of that name."""
        return f"{record}!".encode() in self._file

    def check_records(self) -> None:
        """Raise ValueError or EOFError where metadata are not what they claim to be."""
        for name in _PARSED_CHUNKS:
            if name in self._file:
                check_record(self._file.load(name))

    def held(self, n_frames: int) -> NDArray[np.bool_]:
        """Which sequence indices the file holds."""
        return self._file.held(n_frames)

    def per_frame(self, quantity: str) -> NDArray[np.float64] | None:
        """Return what was recorded with each frame, such as the stage's X, Y and Z in micrometers.

        None where the file has no such list.
        """
        name = f"CustomData|{quantity}!".encode()
        return self._listed(name) if name in self._file else None

    def times_ms(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return times of some sequence indices, NaN where unknown.

        They are from the file's list of times, or where that has none from the frames themselves,
        which have the same to the last digit in files of microscopes.
        """
        times = np.full(indices.shape, np.nan)
        listed = self._listed(_TIMES_CHUNK) if _TIMES_CHUNK in self._file else np.empty(0)
        known = indices < len(listed)
        times[known] = listed[indices[known]]
        unlisted = self._file.held(int(indices.max(initial=0)) + 1)[indices] & ~known
        times[unlisted] = [self._stamp_ms(index) for index in indices[unlisted].tolist()]
        return times

    def update(self, digest: xxhash.xxh3_128, sampled: Sequence[int]) -> None:
        """Digest size, map, describing chunks and sampled frames."""
        digest.update(struct.pack("<Q", self._file.size))
        digest.update(self._file.map_bytes)
        for name in _DESCRIBING_CHUNKS:
            if name in self._file:
                digest.update(self._file.load(name))
        for index in sampled:
            start, size = self._file.frame_content(index)
            for strip in self._file.strips(start, size, STRIP_BYTES):
                digest.update(strip)
            self._drop_where_read_once(start, size)

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
        self._drop_where_read_once(start, size)
        return planes

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _drop_where_read_once(self, start: int, size: int) -> None:
        if self._read_once:
            self._file.let_go(start, size)

    def _listed(self, name: bytes) -> NDArray[np.float64]:
        content = self._file.load(name)
        return np.frombuffer(content[: len(content) // 8 * 8], "<f8")

    def _stamp_ms(self, index: int) -> float:
        try:
            start, _ = self._file.frame_content(index)
            return float(np.frombuffer(self._file.read(start, _TIME_BYTES), "<f8")[0])
        except (ReadError, EOFError):
            return np.nan

    def _inflated(
        self, start: int, size: int, description: Nd2Description, channels: Sequence[int]
    ) -> NDArray[Any]:
        most = description.frame_bytes
        # Deflated bytes of random pixels are longer than these, but by less than the share here.
        longest = most + most // 1000 + _DEFLATED_HEAD
        packed = self._file.read(start + _TIME_BYTES, min(size - _TIME_BYTES, longest))
        pixels = zlib.decompressobj().decompress(packed, most + 1)
        if len(pixels) != most:
            raise EOFError
        rows = _rows(pixels, description)
        planes = _planes(description, channels)
        _split(rows, channels, planes)
        return planes

    def _split_strips(
        self, start: int, size: int, description: Nd2Description, channels: Sequence[int]
    ) -> NDArray[Any]:
        height, row_bytes = description.shape[0], description.row_bytes
        excess = size - _TIME_BYTES - description.frame_bytes
        if not 0 <= excess < max(row_bytes, _PAGE):
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


_LEGACY_MAGIC: Final = 0x0C000000


class Nd2File(BaseSource):
    """An ND2 file, open for reading frames; see `pyama_core.io.types.MicroscopyFile`.

    Safe to read from several threads. A copy sent to another process opens the file there when
    it first reads, without parsing the metadata again.

    Parameters
    ----------
    path
        The file.
    read_once
        Whether no frame is read twice: the system is told not to keep in memory what was read.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        The file is no ND2 file, is damaged, or holds frames this library does not read.
    """

    def __init__(self, path: Path | str, *, read_once: bool = False) -> None:
        path = Path(path)
        self._path = path
        self._read_once = read_once
        self._lock = threading.Lock()
        self._store: FrameStore | None = _open_store(path, read_once)
        try:
            self._parse(self._store)
        except BaseException:
            self.close()
            raise

    @property
    def metadata(self) -> MicroscopyMetadata:
        """What the file says of itself."""
        return self._metadata

    def identity(self) -> str:
        """Digest size, header, frame map and three sampled frames, whatever path and date."""
        digest, store = new_digest(), self._opened()
        try:
            store.update(digest, sampled(np.flatnonzero(self._held).tolist()))
        except ReadError:
            raise
        except (EOFError, ValueError) as error:
            raise ReadError(f"{self._path.name} is damaged; copy it again.") from error
        return digest.hexdigest()

    def close(self) -> None:
        """Close the file; reading again is an error."""
        super().close()
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _LIVE}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _store=None, _lock=threading.Lock())

    def _parse(self, store: FrameStore) -> None:
        try:
            store.check_records()
            with self._path.open("rb") as handle, nd2.ND2File(handle) as file:
                self._description = describe(file, self._path.name, store.size)
                loops = read_loops(file, store, self._path.name)
                self._sequence = loops.sequence()
                self._held = store.held(self._sequence.size)
                # A z stack is dated by its first plane.
                times_ms = store.times_ms(self._sequence[:, :, 0])
                self._metadata = build_metadata(
                    self._path, file, self._description, loops, self._held, times_ms
                )
        except ReadError:
            raise
        except Exception as error:
            raise ReadError(
                f"The metadata of {self._path.name} cannot be read: the file is damaged, or of a "
                "kind not known here; copy it again from where it was recorded."
            ) from error

    def _read(self, fov: int, frame: int, channels: Sequence[int], z: int) -> NDArray[Any]:
        index = int(self._sequence[fov, frame, z])
        if not self._held[index]:
            shape = (len(channels), *self._description.shape[:2])
            return nothing_recorded(shape, self._description.dtype)
        return self._opened().read(index, self._description, channels)

    def _opened(self) -> FrameStore:
        with self._lock:
            self._check_open()
            if self._store is None:
                self._store = _open_store(self._path, self._read_once)
            return self._store


_LIVE: Final = {"_store", "_lock", "_closed"}
"""What a copy in another process makes anew."""


def _open_store(path: Path, read_once: bool) -> FrameStore:
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except (PermissionError, IsADirectoryError) as error:
        raise ReadError(f"{path} cannot be opened as a file ({error.strerror}).") from None
    magic = int.from_bytes(head, "little")
    if magic == MAGIC:
        return ModernFrames(path, read_once)
    if magic == _LEGACY_MAGIC:
        return LegacyFrames(path)
    fault = "is not an ND2 file, whatever its name says" if head else "is empty"
    raise ReadError(f"{path.name} {fault}; copy it again from where it was recorded.")
