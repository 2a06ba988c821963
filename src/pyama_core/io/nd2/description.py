"""How an ND2 file stores its frames, as far as that can be true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import nd2
import numpy as np

from pyama_core.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import nd2
    import xxhash
    from numpy.typing import NDArray


_RGB_COMPONENTS: Final = 3
_DTYPES: Final = ("uint8", "uint16", "float32")
_MOST_CHANNELS: Final = 1000
"""More than any spectral detector has."""
_MOST_PADDING: Final = 64
"""Bytes less than which a row is padded by; NIS-Elements pads rows to multiples of 4."""
_BEST_DEFLATION: Final = 1032
"""How much smaller zlib can make anything at best."""
_MOST_LEGACY_BYTES: Final = 1 << 30
"""Size of a frame of a legacy file, of whose compression no limit is known."""


@dataclass(frozen=True)
class Nd2Description:
    """How an ND2 file stores a frame.

    Attributes
    ----------
    shape
        ``(H, W, C)`` of a stored frame.
    row_bytes
        Length of a stored row, padding included.
    """

    shape: tuple[int, int, int]
    dtype: str
    row_bytes: int
    compressed: bool

    @property
    def frame_bytes(self) -> int:
        """Length of a frame, as it is stored without compression."""
        return self.shape[0] * self.row_bytes


def describe(file: nd2.ND2File, name: str, file_bytes: int) -> Nd2Description:
    """Read how frames are stored.

    Raises
    ------
    ReadError
        The file holds RGB or lossily compressed frames, or says what cannot be.
    """
    attributes = file.attributes
    _check_kind(file, name)
    width, n_channels = attributes.widthPx or 0, attributes.componentCount
    bits = attributes.bitsPerComponentInMemory
    sizes = (attributes.heightPx, width, n_channels, bits)
    row_bytes = attributes.widthBytes or -1
    if all(_is_whole(size) for size in (*sizes, row_bytes)) and min(sizes) > 0:
        bytes_per_value = -(-bits // 8)
        if file.is_legacy or attributes.widthBytes is None:
            row_bytes = width * n_channels * bytes_per_value
        found = Nd2Description(
            shape=(attributes.heightPx, width, n_channels),
            dtype=f"float{bits}" if attributes.pixelDataType == "float" else _unsigned(bits),
            row_bytes=row_bytes,
            compressed=attributes.compressionType == "lossless",
        )
        if n_channels <= _MOST_CHANNELS and _fits(found, file_bytes, legacy=file.is_legacy):
            return found
    raise ReadError(
        f"{name} is damaged: frames of {width} x {attributes.heightPx} pixels, {n_channels} "
        f"channels and {bits} bits, in rows of {attributes.widthBytes} bytes, cannot be in a file "
        f"of {file_bytes} bytes; copy it again from where it was recorded."
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _unsigned(bits: int) -> str:
    return f"uint{8 if bits <= 8 else 16 if bits <= 16 else bits}"


def _fits(found: Nd2Description, file_bytes: int, *, legacy: bool) -> bool:
    """Whether rows have the length of their values, and frames are no larger than the file."""
    if found.dtype not in _DTYPES:
        return False
    _, width, n_channels = found.shape
    padding = found.row_bytes - width * n_channels * np.dtype(found.dtype).itemsize
    if legacy:
        return found.frame_bytes <= _MOST_LEGACY_BYTES
    most = file_bytes * (_BEST_DEFLATION if found.compressed else 1)
    return 0 <= padding < _MOST_PADDING and found.frame_bytes <= most


def _check_kind(file: nd2.ND2File, name: str) -> None:
    if file.components_per_channel == _RGB_COMPONENTS:
        raise ReadError(
            f"{name} holds RGB color frames, which carry no separate channels to measure; "
            "record or export it with one monochrome channel per fluorophore."
        )
    if file.attributes.compressionType == "lossy":
        raise ReadError(
            f"{name} is lossily compressed, which changes intensities and is not read here; "
            "export it uncompressed or losslessly compressed."
        )


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
