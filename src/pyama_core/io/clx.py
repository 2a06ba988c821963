"""CLX-lite, the binary notation of an ND2 file's metadata: encoding."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

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
