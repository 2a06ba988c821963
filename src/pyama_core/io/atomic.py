"""Files that appear whole: written beside their final name, flushed, then renamed."""

from __future__ import annotations

import io
import os
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.io.digest import new_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import FileIO
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

PARTIAL_PREFIX: Final = ".partial-"
"""What the names of unfinished files begin with; whoever holds a folder may remove them."""


_BYTES_AT_ONCE: Final = 1 << 20
"""Larger writes cost the system up to three times as much per byte."""

_collected: ContextVar[dict[Path, str] | None] = ContextVar("_collected", default=None)


@contextmanager
def collected_digests() -> Iterator[dict[Path, str]]:
    """Collect the digest of every stack published inside the block, by final path."""
    digests: dict[Path, str] = {}
    token = _collected.set(digests)
    try:
        yield digests
    finally:
        _collected.reset(token)


@contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path beside `path` that becomes `path` when the block ends well.

    The folder is made where it is missing. When the block raises, `path` stays as it was and
    nothing is left behind.

    Parameters
    ----------
    path
        Final name of the file; its suffix is that of the temporary name too.
    durable
        Whether the content is on the disk, and not only with the system, before it appears.

    Yields
    ------
    Path
        Where to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{PARTIAL_PREFIX}{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield partial
        if durable:
            _flush_to_disk(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8, LF) so that it appears whole."""
    write_lines(path, [[text]])


def write_lines(path: Path, blocks: Iterable[Iterable[str]]) -> None:
    """Write blocks of lines, each with its LF, so that the text file (UTF-8) appears whole."""
    with atomic_write(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        for lines in blocks:
            file.writelines(lines)


def remove_partial(folder: Path) -> None:
    """Remove what a killed process left unfinished in a folder that nobody else writes."""
    for partial in folder.glob(f"{PARTIAL_PREFIX}*"):
        partial.unlink(missing_ok=True)


def remove_partials_of(path: Path) -> None:
    """Remove what a killed process left unfinished of a file that nobody else writes."""
    for partial in path.parent.glob(f"{PARTIAL_PREFIX}*"):
        if partial.name.endswith(f"-{path.name}"):
            partial.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


class NpyStream:
    """Writes an NPY file frame by frame with large sequential writes; see `write_npy_stream`."""

    def __init__(self, file: FileIO, shape: tuple[int, ...], dtype: DTypeLike) -> None:
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
                rest = rest[self._file.write(rest) :]


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
        atomic_write(path, durable=False) as partial,
        partial.open("wb", buffering=0) as file,
    ):
        stream = NpyStream(file, shape, dtype)
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
