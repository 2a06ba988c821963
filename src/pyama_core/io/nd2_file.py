"""Nikon ND2 files as a source of frames."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import nd2
import numpy as np

from pyama_core.errors import ReadError
from pyama_core.io.base_source import BaseSource, sampled
from pyama_core.io.digest import new_digest
from pyama_core.io.nd2_chunks import MAGIC
from pyama_core.io.nd2_description import describe
from pyama_core.io.nd2_frames import ModernFrames
from pyama_core.io.nd2_legacy import LegacyFrames
from pyama_core.io.nd2_loops import read_loops
from pyama_core.io.nd2_metadata import build_metadata
from pyama_core.planes import nothing_recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xxhash
    from numpy.typing import NDArray

    from pyama_core.io.microscopy import MicroscopyMetadata
    from pyama_core.io.nd2_description import Nd2Description

_LEGACY_MAGIC: Final = 0x0C000000


class FrameStore(Protocol):
    """Frames of an open file by sequence index, their number in the order of the file."""

    @property
    def size(self) -> int:
        """Bytes of the file."""
        ...

    @property
    def n_held(self) -> int:
        """Number of frames that the file lists one by one."""
        ...

    @property
    def n_indices(self) -> int:
        """One more than the highest sequence index."""
        ...

    def has(self, record: str) -> bool:
        """Whether the file has a metadata record of that name."""
        ...

    def check_records(self) -> None:
        """Raise ValueError or EOFError where metadata are not what they claim to be."""
        ...

    def per_frame(self, quantity: str) -> NDArray[np.float64] | None:
        """Return what was recorded with each frame, or None where the file has no such list."""
        ...

    def held(self, n_frames: int) -> NDArray[np.bool_]:
        """Which sequence indices the file holds."""
        ...

    def times_ms(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return times of some sequence indices, NaN where unknown."""
        ...

    def update(self, digest: xxhash.xxh3_128, sampled: Sequence[int]) -> None:
        """Digest the content, with the frames sampled."""
        ...

    def read(
        self, index: int, description: Nd2Description, channels: Sequence[int]
    ) -> NDArray[Any]:
        """Channels of a frame, ``(len(channels), H, W)``."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class Nd2File(BaseSource):
    """An ND2 file, open for reading frames; see `pyama_core.io.microscopy.MicroscopyFile`.

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
