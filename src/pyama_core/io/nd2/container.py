"""The container of an ND2 file: named chunks, and the map of them at the end.

Frames are read with plain reads, not through a memory map: a read cannot crash on a closed or
shortened file, costs no page faults, and touches each frame once.
"""

import os
import re
import struct
import threading
import weakref
from array import array
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import ReadError

MAGIC: Final = 0x0ABECEDA
"""How a chunk begins, and with it every ND2 file but the legacy ones."""

HEADER: Final = struct.Struct("<IIQ")
"""What a chunk begins with: `MAGIC`, length of its name, size of its content."""

ENTRY: Final = struct.Struct("<QQ")
"""What follows a chunk's name in the map: where it begins, size of its content."""

MAP_SIGNATURE: Final = b"ND2 CHUNK MAP SIGNATURE 0000001!"
"""How the map of the chunks ends, and with it the file; the map's own place follows."""

FRAME_PREFIX: Final = b"ImageDataSeq|"
"""How the names of frames begin; sequence index and ``!`` follow."""

MAP_NAME: Final = b"ND2 FILEMAP SIGNATURE NAME 0001!"
"""Name of the chunk that holds the map."""

_FRAME_NAME = re.compile(re.escape(FRAME_PREFIX) + rb"\d{1,18}!")
"""Other names are damaged: their frames are missing."""

_TAIL = struct.Struct("<32sQ")


class ChunkFile:
    """An open ND2 file (version 2 or 3), safe to read from several threads.

    Raises
    ------
    ReadError
        The map of the chunks is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._lock = threading.Lock()
        self._file = path.open("rb", buffering=0)
        # A napari layer keeps its source as long as it lives and has no moment to close it.
        weakref.finalize(self, self._file.close)
        try:
            self.size = self._file.seek(0, 2)
            self.map_bytes = self._load_map()
            self._map = ChunkMap(self.map_bytes)
        except (ValueError, OverflowError, struct.error, EOFError):
            self.close()
            raise ReadError(
                f"{self.name} is incomplete: the map of its frames, which ends an ND2 file, is "
                "missing or damaged; copy the file again from where it was recorded."
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __contains__(self, name: bytes) -> bool:
        return name in self._map.chunks

    def load(self, name: bytes) -> bytes:
        """Content of a metadata chunk; raises KeyError where the file has none of that name."""
        return self.read(*self._content(self._map.chunks[name], name))

    def held(self, n_frames: int) -> NDArray[np.bool_]:
        """Which of the first `n_frames` sequence indices the file holds, by its map."""
        whole = self._map.are_within(self.size)
        indices = self._map.indices[whole]
        held = np.zeros(n_frames, dtype=bool)
        held[indices[indices < n_frames]] = True
        return held

    @property
    def indices(self) -> NDArray[np.int64]:
        """Sequence indices of the frames in the map, ascending."""
        return self._map.indices

    def frame_content(self, index: int) -> tuple[int, int]:
        """Position and size of the content of a frame that the file holds.

        Raises
        ------
        ReadError
            There is no chunk of this frame where the map says.
        """
        try:
            return self._content(self._map.offset(index), b"%s%d!" % (FRAME_PREFIX, index))
        except (ValueError, EOFError):
            raise ReadError(
                f"Frame {index} of {self.name} is damaged; copy the file again."
            ) from None

    def read(self, start: int, size: int) -> bytes:
        """Bytes of the file; raises EOFError where it ends too early."""
        if not 0 <= start <= start + size <= self.size:
            raise EOFError(f"{self.name} ends too early.")
        buffer = bytearray(size)
        self.read_into(start, memoryview(buffer))
        return bytes(buffer)

    def strips(self, start: int, size: int, strip_bytes: int) -> Iterator[memoryview]:
        """Bytes of the file piece by piece, in one buffer; raises EOFError as `read` does."""
        buffer = memoryview(bytearray(min(size, strip_bytes)))
        for position in range(start, start + size, strip_bytes):
            strip = buffer[: start + size - position]
            self.read_into(position, strip)
            yield strip

    def read_into(self, start: int, buffer: memoryview) -> None:
        """Fill a buffer of bytes from the file; raises EOFError where it ends too early."""
        with self._lock:
            self._file.seek(start)
            while buffer:
                count = self._file.readinto(buffer)
                if not count:
                    raise EOFError(f"{self.name} ends too early.")
                buffer = buffer[count:]

    def let_go(self, start: int, size: int) -> None:
        """Tell the system that bytes just read need not be kept in memory, where it listens."""
        if hasattr(os, "posix_fadvise"):
            held = min(size, self.size - start)
            with suppress(OSError):  # Some file systems take no advice.
                os.posix_fadvise(self._file.fileno(), start, held, os.POSIX_FADV_DONTNEED)

    def _content(self, offset: int, name: bytes) -> tuple[int, int]:
        head = self.read(offset, HEADER.size + len(name))
        magic, name_length, size = HEADER.unpack_from(head)
        # A map with two places swapped would give a frame the pixels of another one.
        if magic != MAGIC or head[HEADER.size :] != name:
            raise ValueError(f"no chunk {name!r} at {offset}")
        return offset + HEADER.size + name_length, size

    def _load_map(self) -> bytes:
        signature, offset = _TAIL.unpack(self.read(self.size - _TAIL.size, _TAIL.size))
        if signature != MAP_SIGNATURE:
            raise ValueError("no map")
        return self.read(*self._content(offset, MAP_NAME))


class ChunkMap:
    """Where each chunk begins; frames apart, in arrays, since there can be millions."""

    def __init__(self, body: bytes) -> None:
        self.chunks: dict[bytes, int] = {}
        indices, offsets, sizes = array("q"), array("q"), array("q")
        position = 0
        while True:
            end = body.index(b"!", position) + 1
            name = body[position:end]
            if name == MAP_SIGNATURE:
                break
            offset, size = ENTRY.unpack_from(body, end)
            position = end + ENTRY.size
            if _FRAME_NAME.fullmatch(name):
                indices.append(int(name[len(FRAME_PREFIX) : -1]))
                offsets.append(offset)
                sizes.append(size)
            else:
                self.chunks[name] = offset
        order = np.argsort(np.asarray(indices), kind="stable")
        self.indices = np.asarray(indices, dtype=np.int64)[order]
        self.offsets = np.asarray(offsets, dtype=np.int64)[order]
        # Old files repeat the offset where the size belongs.
        stated = np.asarray(sizes, dtype=np.int64)[order]
        self._sizes = np.where(stated == self.offsets, 0, stated)

    def are_within(self, size: int) -> NDArray[np.bool_]:
        """Which frames lie in a file of so many bytes, by the map."""
        within: NDArray[np.bool_] = self._sizes <= size - self.offsets
        return within

    def offset(self, index: int) -> int:
        """Offset of a frame that is in the map."""
        return int(self.offsets[np.searchsorted(self.indices, index)])
