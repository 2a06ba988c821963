"""Files that appear whole: written beside their final name, flushed, then renamed."""

from __future__ import annotations

import io
import os
import re
import time
import uuid
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xxhash

from pyama_core.disks import FolderGoneError, name_file
from pyama_core.processes import ProcessId, is_running, this_process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import FileIO
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray


_CHUNK: Final = 4 << 20
_END_BYTES: Final = 4096
"""Of a file's beginning and of its end: what a damaged header, a cut or a hole of zeros changes."""


def new_digest() -> xxhash.xxh3_128:
    """Start a digest (XXH3, 128 bit): it guards against damage, not against malice.

    ``xxhsum -H2 FILE`` prints the same. Use ``update(bytes)`` and ``hexdigest()``.
    """
    return xxhash.xxh3_128()


def digest_file(path: Path) -> str:
    """Digest of a file's content, read in chunks; 32 hexadecimal digits."""
    digest = new_digest()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def digest_ends(path: Path) -> str:
    """Digest of a file's first and last bytes, which costs the same for every size."""
    digest = new_digest()
    with path.open("rb") as file:
        digest.update(file.read(_END_BYTES))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_BYTES))
        digest.update(file.read(_END_BYTES))
    return digest.hexdigest()


PARTIAL_PREFIX: Final = ".partial-"
"""What the names of unfinished files begin with; who writes one stands behind it."""
_PARTIAL: Final = re.compile(
    re.escape(PARTIAL_PREFIX)
    + r"(?P<machine>[0-9a-f]{8})-(?P<pid>\d{1,10})-(?P<started>[^-]*)-[0-9a-f]{8}.*"
)
_SHORT_BYTES: Final = 143
"""A name that every disk takes, encrypted ones too."""
_SECONDS_TO_FORGET: Final = 86400.0
"""Age at which an unfinished file is taken for one of a killed process of another machine."""

_BYTES_AT_ONCE: Final = 1 << 20
"""Larger writes cost the system up to three times as much per byte."""

_collected: ContextVar[dict[Path, str] | None] = ContextVar("_collected", default=None)
_marker: ContextVar[Path | None] = ContextVar("_marker", default=None)
"""See `only_beside`."""


@contextmanager
def collected_digests() -> Iterator[dict[Path, str]]:
    """Collect the digest of every stack published inside the block, by final path."""
    digests: dict[Path, str] = {}
    token = _collected.set(digests)
    try:
        yield digests
    finally:
        _collected.reset(token)


def is_collecting() -> bool:
    """Whether the caller is inside a block of `collected_digests`."""
    return _collected.get() is not None


@contextmanager
def only_beside(marker: Path) -> Iterator[None]:
    """Write nothing inside the block once a file that lies in the folder written to is gone.

    Then the folder was unmounted, renamed or removed, and writing would make it anew, on the
    system's disk perhaps.

    Parameters
    ----------
    marker
        A file in that folder which nobody removes while the block runs.
    """
    token = _marker.set(marker)
    try:
        yield
    finally:
        _marker.reset(token)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that becomes `path` when the block ends well.

    The folder is made where it is missing (but see `only_beside`). The content is on the disk, and
    not only with the system, before the file appears. When the block raises, `path` stays as it
    was and nothing is left behind.

    Parameters
    ----------
    path
        Final name of the file; its suffix is that of the temporary name too.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    FolderGoneError
        The folder was there and is not any more.
    """
    with naming_file(path), _published(path) as partial:
        yield partial
        with partial.open("r+b") as file:
            os.fsync(file.fileno())


@contextmanager
def _published(path: Path) -> Iterator[Path]:
    _check_folder(path)
    partial = path.with_name(partial_name(path.name))
    try:
        yield partial
        _check_folder(path)
        partial.replace(path)
    except OSError as error:
        if error.filename == str(partial):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _check_folder(path: Path) -> None:
    """Make the folder of a file, or find that it is gone."""
    check_still_there()
    path.parent.mkdir(parents=True, exist_ok=True)


def check_still_there() -> None:
    """Raise `FolderGoneError` where the folder of `only_beside` is gone."""
    marker = _marker.get()
    if marker is not None and not marker.exists():
        raise FolderGoneError(
            f"The folder {marker.parent} is gone, or was taken over by another run: it was "
            "unmounted, renamed or removed. Bring it back, and do the same again."
        )


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8, LF) so that it appears whole."""
    write_lines(path, [[text]])


def write_lines(path: Path, blocks: Iterable[Iterable[str]]) -> None:
    """Write blocks of lines, each with its LF, so that the text file (UTF-8) appears whole."""
    with atomic_write(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        for lines in blocks:
            file.writelines(lines)


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Name a file in the errors of the system that name none, as those of writing do not."""
    try:
        yield
    except OSError as error:
        name_file(error, path)
        raise


def remove_partial(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder that nobody else writes to.

    Processes that run on this machine may, such as a step that is called by hand.
    """
    for partial in folder.glob(f"{PARTIAL_PREFIX}*"):
        with suppress(OSError):
            if not _writer_runs(partial.name):
                partial.unlink(missing_ok=True)


def remove_partials_of(path: Path) -> None:
    """Remove what a killed process left unfinished of a file."""
    for partial in path.parent.glob(f"{PARTIAL_PREFIX}*"):
        if partial.name.endswith(f"-{path.name}"):
            _remove_forgotten(partial)


def remove_forgotten(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder that others may be writing to."""
    for partial in folder.glob(f"{PARTIAL_PREFIX}*"):
        _remove_forgotten(partial)


def _remove_forgotten(partial: Path) -> None:
    with suppress(OSError):
        if not _may_be_written(partial):
            partial.unlink(missing_ok=True)


def _may_be_written(partial: Path) -> bool:
    """Whether somebody may be writing a file; on another machine, for a day."""
    if not _PARTIAL.fullmatch(partial.name):
        return False
    runs = _writer_runs(partial.name)
    return time.time() - partial.stat().st_mtime < _SECONDS_TO_FORGET if runs is None else runs


def partial_name(name: str) -> str:
    """Return the name of an unfinished file: its writer's, and its own unless that is long."""
    me, unique = this_process(), uuid.uuid4().hex[:8]
    begin = f"{PARTIAL_PREFIX}{_machine(me)}-{me.pid}-{me.started}-{unique}"
    whole = f"{begin}-{name}"
    return whole if len(os.fsencode(whole)) <= _SHORT_BYTES else begin + PurePath(name).suffix


def _machine(process: ProcessId) -> str:
    text = f"{process.boot or process.host} {process.namespace}"
    return f"{xxhash.xxh32_intdigest(text.encode()):08x}"


def _writer_runs(name: str) -> bool | None:
    """Whether the process that writes a file runs; None where that cannot be seen from here."""
    me = this_process()
    match = _PARTIAL.fullmatch(name)
    if match is None or match["machine"] != _machine(me):
        return None
    return is_running(replace(me, pid=int(match["pid"]), started=match["started"]))


class NpyStream:
    """Writes an NPY file frame by frame with large sequential writes; see `write_npy_stream`."""

    def __init__(self, file: FileIO, path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.path = path
        self.shape = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype)
        self.n_written = 0
        self._file = file
        self._digest = new_digest()
        self._write_bytes(np.frombuffer(_npy_header(self.shape, self.dtype), dtype=np.uint8))

    @property
    def digest(self) -> str:
        """Content digest (XXH3, hexadecimal) of the file as written so far."""
        return self._digest.hexdigest()

    def write(self, frame: NDArray[Any]) -> None:
        """Append one frame of shape ``shape[1:]`` and exactly the stream's dtype.

        Raises
        ------
        ValueError
            The frame has another shape or dtype, or is one too many.
        """
        if frame.shape != self.shape[1:] or frame.dtype != self.dtype:
            raise ValueError(
                f"frame {self.n_written} is {frame.dtype}{frame.shape}, "
                f"the stream takes {self.dtype}{self.shape[1:]}"
            )
        if self.n_written >= self.shape[0]:
            raise ValueError(f"the stream is full: it takes {self.shape[0]} frames")
        self._write_bytes(np.ascontiguousarray(frame))
        self.n_written += 1

    def check_complete(self) -> None:
        """Raise ValueError unless every frame was written."""
        if self.n_written != self.shape[0]:
            raise ValueError(f"{self.n_written} frames were written of {self.shape[0]}")

    def _write_bytes(self, data: NDArray[Any]) -> None:
        whole = data.reshape(-1).view(np.uint8).data
        self._digest.update(whole)
        for start in range(0, len(whole), _BYTES_AT_ONCE):
            rest = whole[start : start + _BYTES_AT_ONCE]
            while rest:
                with naming_file(self.path):
                    n_written = self._file.write(rest)
                rest = rest[n_written:]


@contextmanager
def write_npy_stream(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> Iterator[NpyStream]:
    """Open an NPY file for writing frame by frame.

    The file appears under `path` when the ``with`` block ends and all frames were written;
    otherwise nothing does. A crash of the whole machine may still damage it, which its digest
    tells: waiting for the disk after every stack would cost more than all computing.

    Parameters
    ----------
    path
        Final name.
    shape
        ``(T, H, W)``: shape of the whole array; one `NpyStream.write` per frame.
    dtype
        Type of every frame.

    Yields
    ------
    NpyStream
        Call its ``write`` for every frame; its ``digest`` is that of the file.

    Examples
    --------
    >>> with write_npy_stream(path, (2, 16, 16), np.uint16) as stream:  # doctest: +SKIP
    ...     for frame in frames:
    ...         stream.write(frame)
    >>> stream.digest  # doctest: +SKIP
    """
    with (
        _published(path) as partial,
        partial.open("wb", buffering=0) as file,
    ):
        stream = NpyStream(file, path, shape, dtype)
        yield stream
        stream.check_complete()
    if (collected := _collected.get()) is not None:
        collected[path] = stream.digest


def _npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer,
        {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape},
    )
    return buffer.getvalue()
