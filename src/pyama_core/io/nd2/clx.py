"""CLX-lite, the binary notation of an ND2 file's metadata: encoding."""

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

Scalar: TypeAlias = bool | int | np.int32 | float | str | bytes
"""A plain `int` is unsigned, a `numpy.int32` signed."""

Value: TypeAlias = "Scalar | Mapping[str, Value] | Sequence[Value]"
"""What a record can hold."""

_LEVEL = 11


def encode(name: str, value: Value) -> bytes:
    """One named record.

    A mapping becomes a level of named members, a sequence one of nameless members.
    """
    if isinstance(value, Mapping):
        return _level(name, value.items())
    if isinstance(value, str | bytes | bool | float | int | np.int32):
        kind, body = _scalar(value)
        return _head(kind, name) + body
    return _level(name, (("", member) for member in value))


def _scalar(value: Scalar) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return 1, struct.pack("<?", value)
    if isinstance(value, np.int32):
        return 2, struct.pack("<i", value)
    if isinstance(value, int):
        return 3, struct.pack("<I", value)
    if isinstance(value, float):
        return 6, struct.pack("<d", value)
    if isinstance(value, str):
        return 8, value.encode("utf-16-le") + b"\0\0"
    return 9, struct.pack("<Q", len(value)) + value


def _head(kind: int, name: str) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    return struct.pack("<BB", kind, len(encoded) // 2) + encoded


def _level(name: str, members: Iterable[tuple[str, Value]]) -> bytes:
    head = _head(_LEVEL, name)
    position = len(head) + struct.calcsize("<IQ")
    bodies, offsets = [], []
    for member, value in members:
        bodies.append(encode(member, value))
        offsets.append((member, position))
        position += len(bodies[-1])
    counts = struct.pack("<IQ", len(bodies), position)
    # Readers look members up by bisection: offsets are listed in the order of the names.
    index = struct.pack(f"<{len(offsets)}Q", *(offset for _, offset in sorted(offsets)))
    return head + counts + b"".join(bodies) + index


MAX_RECORD_BYTES: Final = 64 << 20
"""Size of a record with its compressed parts inflated; the loops of 300 000 positions fit."""

MAX_TEXT_BYTES: Final = 1 << 19
"""Length of a text, for which the nd2 library needs some seconds."""

_HEAD, _LEVEL_HEAD, _SIZE = struct.Struct("<BB"), struct.Struct("<IQ"), struct.Struct("<Q")
_TEXT, _BYTES, _LEVEL, _DEFLATED = 8, 9, 11, 76
_SIZES: Final = {1: 1, 2: 4, 3: 4, 4: 8, 5: 8, 6: 8, 7: 8}
"""Bytes of the plain values, by type."""
_DEFLATED_HEAD = 12
_OFFSET_BYTES = 8


def check_record(content: bytes) -> None:
    """Check that a record can be read in moderate memory and time.

    Other damage is for the reader to find.

    Raises
    ------
    ValueError
        Inflated, the record is larger than any microscope writes, or a text in it is.
    """
    left = MAX_RECORD_BYTES - len(content)
    if left < 0:
        raise ValueError(f"a record of {len(content)} bytes")
    waiting = [(memoryview(content), 1)]
    while waiting:
        part, count = waiting.pop()
        for inner, inner_count, deflated in _parts(part, count):
            if deflated:
                inflated = _inflated(inner, left)
                left -= len(inflated)
                waiting.append((memoryview(inflated), inner_count))
            else:
                waiting.append((inner, inner_count))


def _inflated(deflated: memoryview, most: int) -> bytes:
    try:
        inflated = zlib.decompressobj().decompress(deflated, most + 1)
    except zlib.error:
        return b""
    if len(inflated) > most:
        raise ValueError("a compressed record of impossible size")
    return inflated


def _parts(data: memoryview, count: int) -> Iterator[tuple[memoryview, int, bool]]:
    """Yield what holds records itself: its bytes, how many records, and whether deflated.

    Reads past damage as the nd2 library does: a size that is too small means all the rest.
    """
    position = 0
    for _ in range(count):
        if position + _HEAD.size > len(data):
            return
        begin = position
        kind, name_length = _HEAD.unpack_from(data, begin)
        position += _HEAD.size + 2 * name_length
        if kind == _DEFLATED:
            yield data[begin + _DEFLATED_HEAD :], 1, True
            return
        if kind == _LEVEL and position + _LEVEL_HEAD.size <= len(data):
            n_members, size = _LEVEL_HEAD.unpack_from(data, position)
            position += _LEVEL_HEAD.size
            end = begin + size if begin + size >= position else len(data)
            yield data[position:end], n_members, False
            position = end + _OFFSET_BYTES * n_members
        elif kind == _BYTES and position + _SIZE.size <= len(data):
            (size,) = _SIZE.unpack_from(data, position)
            position += _SIZE.size
            yield data[position : position + size], 1, False
            position += size
        elif kind == _TEXT:
            position = _text_end(data, position)
        else:
            position += _SIZES.get(kind, 0)


def _text_end(data: memoryview, start: int) -> int:
    """Find the end of a text: two zero bytes at an even distance from its start."""
    text = bytes(data[start : start + MAX_TEXT_BYTES])
    end = text.find(b"\0\0")
    while end % 2 and end > 0:
        end = text.find(b"\0\0", end + 1)
    if end < 0 and start + MAX_TEXT_BYTES < len(data):
        raise ValueError("a text of impossible length")
    return start + (end + 2 if end >= 0 else len(text))
