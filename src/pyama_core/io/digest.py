"""The one content digest, fast enough to take of everything while it is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import xxhash

if TYPE_CHECKING:
    from pathlib import Path

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
