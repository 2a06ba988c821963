"""Damage to ND2 files: bytes, chunks, the map, and the numbers and texts of the metadata."""

from __future__ import annotations

import random
import re
import struct
import zlib
from typing import TYPE_CHECKING, Final

from pyama_core.io.nd2.container import ENTRY, HEADER, MAGIC, MAP_NAME, MAP_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ODD_INTEGERS: Final = (0, 1, 2, 3, 5, 127, 128, 255, 256, 65535, 1 << 20, 1 << 24, 1 << 31)
_ODD_FLOATS: Final = (0.0, -1.0, 1e-300, 1e9, 1e300, float("nan"), float("inf"), float("-inf"))
_ODD_TEXTS: Final = (
    "",
    "\0",
    "\n\x1b[2J",
    "488",
    "\ufffd" * 40,
    "a/b",
    "../x",
    "'\"{}%s",
    "\ud7ff",
)
_SIZES: Final = {1: 1, 2: 4, 3: 4, 4: 8, 5: 8, 6: 8, 7: 8}
_TEXT, _BYTES, _LEVEL = 8, 9, 11


def damaged(content: bytes, seed: int) -> bytes:
    """Damage a file in one or a few ways, the same for the same seed."""
    rng = random.Random(seed)
    modern = content[:4] == MAGIC.to_bytes(4, "little")
    ways = _MODERN if modern else _LEGACY
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        changed = bytearray(rng.choice(ways)(changed, rng))
    return bytes(changed)


def _flip(content: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 3, 20))):
        place = _used(content, rng)
        content[place] = rng.choice((0, 255, content[place] ^ (1 << rng.randrange(8))))
    return content


def _used(content: bytearray, rng: random.Random) -> int:
    """Choose a byte that is not padding, if a few tries find one."""
    for _ in range(50):
        place = rng.randrange(len(content))
        if content[place]:
            return place
    return 0


def _cut(content: bytearray, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _blank(content: bytearray, rng: random.Random) -> bytes:
    start = rng.randrange(len(content))
    length = min(rng.choice((16, 4096, 40_000)), len(content) - start)
    content[start : start + length] = bytes(length)
    return content


def _entries(content: bytearray) -> tuple[int, list[tuple[bytes, int, int]]]:
    """Read the map of a whole file: where it begins, and name, place and size of each chunk."""
    try:
        (start,) = struct.unpack("<Q", content[-8:])
        _, name_length, size = HEADER.unpack_from(content, start)
        body = bytes(content[start + HEADER.size + name_length :][:size])
        entries, position = [], 0
        while not body.startswith(MAP_SIGNATURE, position):
            end = body.index(b"!", position) + 1
            entries.append((body[position:end], *ENTRY.unpack_from(body, end)))
            position = end + ENTRY.size
    except (struct.error, ValueError, OverflowError):
        return len(content), []
    return start, entries


def _with_map(content: bytearray, start: int, entries: list[tuple[bytes, int, int]]) -> bytes:
    packed = b"".join(name + ENTRY.pack(place, size) for name, place, size in entries)
    body = packed + MAP_SIGNATURE + struct.pack("<Q", start)
    return content[:start] + HEADER.pack(MAGIC, len(MAP_NAME), len(body)) + MAP_NAME + body


def _remap(content: bytearray, rng: random.Random) -> bytes:
    start, entries = _entries(content)
    if len(entries) < 2:
        return content
    a, b = rng.sample(range(len(entries)), 2)
    (first, *at_first), (second, *at_second) = entries[a], entries[b]
    odd = rng.choice((0, 1, len(content), 1 << 40, (1 << 63) - 1, (1 << 64) - 1))
    renamed = re.sub(rb"\d+", str(rng.choice((*_ODD_INTEGERS, -1, 1 << 62))).encode(), first)
    way = rng.randrange(7)
    if way == 0:
        entries[a], entries[b] = (first, *at_second), (second, *at_first)
    elif way == 1:
        del entries[a]
    elif way == 2:
        entries[a] = (first, odd, at_first[1])
    elif way == 3:
        entries[a] = (first, at_first[0], odd)
    elif way == 4:
        entries[a] = (renamed, *at_first)
    elif way == 5:
        entries.append((second, *at_first))
    else:
        entries = entries[: rng.randrange(len(entries))]
    return _with_map(content, start, entries)


def _chunk_head(content: bytearray, rng: random.Random) -> bytes:
    _, entries = _entries(content)
    if entries:
        _, place, _ = rng.choice(entries)
        if place + HEADER.size <= len(content):
            magic, name_length, size = HEADER.unpack_from(content, place)
            odd = rng.choice((0, 7, 8, 9, 1 << 31, (1 << 32) - 1, size % 4096 + 1, size // 2))
            change = rng.choice(
                ((0, name_length, size), (magic, odd, size), (magic, name_length, odd))
            )
            HEADER.pack_into(content, place, *change)
    return content


def _chunk_body(content: bytearray, rng: random.Random) -> bytes:
    """Replace a chunk by a bomb, nothing, or what another one holds."""
    start, entries = _entries(content)
    if not entries:
        return content
    number = rng.randrange(len(entries))
    name = entries[number][0]
    _, place, size = rng.choice(entries)
    other = bytes(content[place + HEADER.size : place + HEADER.size + min(size, 1 << 20)])
    bomb = zlib.compress(bytes(8 << 20))
    body = rng.choice((b"", bytes(8) + bomb, b"\x4c\0" + bytes(10) + bomb, other, b"<a>" + other))
    entries[number] = (name, start, len(body))
    chunk = HEADER.pack(MAGIC, len(name), len(body)) + name + body
    return _with_map(content[:start] + chunk, start + len(chunk), entries)


def _record_value(content: bytearray, rng: random.Random) -> bytes:
    """Change a number, text, type or size of the metadata."""
    _, entries = _entries(content)
    found = []
    for name, place, _ in entries:
        if name.startswith(b"Image") and b"DataSeq" not in name and place < len(content):
            _, name_length, size = HEADER.unpack_from(content.ljust(place + HEADER.size), place)
            begin = place + HEADER.size + name_length
            found += list(_values(content, begin, min(begin + size, len(content)), 1, 0))
    if found:
        _change(content, rng, *rng.choice(found))
    return content


def _values(
    content: bytearray, position: int, end: int, count: int, depth: int
) -> Iterator[tuple[int, int, int]]:
    """Give type byte, type and value of each record as places in the content."""
    for _ in range(count):
        if position + 2 > end or depth > 20:
            return
        begin, kind = position, content[position]
        position += 2 + 2 * content[position + 1]
        yield begin, kind, position
        if kind == _LEVEL and position + 12 <= end:
            members, size = struct.unpack_from("<IQ", content, position)
            yield from _values(content, position + 12, min(end, begin + size), members, depth + 1)
            position = max(position + 12, begin + size) + 8 * members
        elif kind == _BYTES and position + 8 <= end:
            position += 8 + struct.unpack_from("<Q", content, position)[0]
        elif kind == _TEXT:
            while position + 2 <= end and content[position : position + 2] != b"\0\0":
                position += 2
            position += 2
        else:
            position += _SIZES.get(kind, 0)


def _change(content: bytearray, rng: random.Random, begin: int, kind: int, position: int) -> None:
    integer = rng.choice(_ODD_INTEGERS) * rng.choice((1, 1, -1))
    if rng.random() < 0.1:
        content[begin] = rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 76, 255))
        return
    value = {
        1: bytes([rng.choice((0, 1, 255))]),
        2: (integer & 0xFFFFFFFF).to_bytes(4, "little"),
        3: (integer & 0xFFFFFFFF).to_bytes(4, "little"),
        4: (integer & (1 << 64) - 1).to_bytes(8, "little"),
        5: (integer & (1 << 64) - 1).to_bytes(8, "little"),
        6: struct.pack("<d", rng.choice(_ODD_FLOATS)),
        _TEXT: rng.choice(_ODD_TEXTS).encode("utf-16-le"),
        _BYTES: (integer & (1 << 64) - 1).to_bytes(8, "little"),
        _LEVEL: (integer & 0xFFFFFFFF).to_bytes(rng.choice((4, 12)), "little"),
    }.get(kind, b"")
    content[position : position + len(value)] = value


def _header(content: bytearray, rng: random.Random) -> bytes:
    content[48:54] = rng.choice((b"Ver0.0", b"Ver1.0", b"Ver2.0", b"Ver2.1", b"Ver9.9", b"VerX.Y"))
    return content


def _xml_number(content: bytearray, rng: random.Random) -> bytes:
    numbers = list(re.finditer(rb'value="(-?[\d.]+)"', content))
    if not numbers:
        return content
    found = rng.choice(numbers)
    odd = str(rng.choice((*_ODD_INTEGERS, *_ODD_FLOATS, -1, "x", ""))).encode()
    length = found.end(1) - found.start(1)
    content[found.start(1) : found.end(1)] = odd[:length].ljust(length)
    return content


_COMMON: Final = (_flip, _flip, _cut, _blank)
_MODERN: Final[tuple[Callable[[bytearray, random.Random], bytes], ...]] = (
    *(*_COMMON, _remap, _remap, _chunk_head, _chunk_body, _header),
    *(_record_value,) * 8,
)
_LEGACY: Final[tuple[Callable[[bytearray, random.Random], bytes], ...]] = (
    *_COMMON,
    *(_xml_number,) * 4,
)
