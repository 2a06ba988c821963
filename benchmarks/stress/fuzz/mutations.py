"""Damage to bytes and to text: each takes a content and gives another one."""

import re
from collections.abc import Callable
from typing import Final

import numpy as np

Rng = np.random.Generator
Mutation = Callable[[bytes, Rng], bytes]

_EXTREMES: Final = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
_WIDTHS: Final = (1, 2, 4, 8)
_LONGEST_BLOCK: Final = 64

ODD_NUMBERS: Final = (
    "-1", "0", "1", "1.5", "-0.0", "1e999", "-1e999", "nan", "NaN", ".nan", ".inf", "inf", "1_0",
    "2147483648", "-2147483649", "9223372036854775808", "18446744073709551616", "9" * 30,
    "9" * 5000, "0x10", "0o17", "1,5", "١٢", "²", "", " ", "1e-400", "--1", "+1", "00001",
)  # fmt: skip
ODD_WORDS: Final = (
    "null", "~", "true", "TRUE", "FALSE", "yes", "[]", "{}", "[[]]", "{a: {b: c}}", '""', "''",
    "*", "&a", "*a", "!!python/name:os.system", "!!binary aaaa", "!!set {a}", "!!timestamp x",
    "../../outside", "/dev/zero", "/", "~", "C:\\x", "%s", "{fov}", "\\u0000", "\x00", "\ufeff",
    "é", "\U0001f600", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "a" * 10_000, "[" * 2_000, "{a: " * 500, "- " * 500, "---\n", "...\n", "#", "\t", "@", "`",
    "2001-01-01", "1:30", "<<: 1", "? a", "|", ">", "=",
)  # fmt: skip


def flip_bit(content: bytes, rng: Rng) -> bytes:
    """Turn one bit of a byte that is not zero."""
    damaged, at = bytearray(content), _used(content, rng)
    if damaged:
        damaged[at] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def set_byte(content: bytes, rng: Rng) -> bytes:
    """Put any byte in place of one that is not zero."""
    damaged, at = bytearray(content), _used(content, rng)
    if damaged:
        damaged[at] = int(rng.integers(256))
    return bytes(damaged)


def write_extreme(content: bytes, rng: Rng) -> bytes:
    """Put a smallest or largest number of some width somewhere."""
    width = int(rng.choice(_WIDTHS))
    value = int(_EXTREMES[int(rng.integers(len(_EXTREMES)))]) % (1 << 8 * width)
    at = _used(content, rng)
    return content[:at] + value.to_bytes(width, "little") + content[at + width :]


def truncate(content: bytes, rng: Rng) -> bytes:
    """Cut off the end, as a copy that stopped early does."""
    return content[: int(rng.integers(len(content) + 1))]


def cut_last_bytes(content: bytes, rng: Rng) -> bytes:
    """Cut off a few bytes."""
    return content[: -int(rng.integers(1, 16))]


def delete_block(content: bytes, rng: Rng) -> bytes:
    """Leave out some bytes."""
    start, stop = _block(content, rng)
    return content[:start] + content[stop:]


def repeat_block(content: bytes, rng: Rng) -> bytes:
    """Repeat some bytes."""
    start, stop = _block(content, rng)
    return content[:stop] + content[start:stop] * int(rng.integers(1, 4)) + content[stop:]


def zero_block(content: bytes, rng: Rng) -> bytes:
    """Put zeros in place of some bytes, as a lost sector does."""
    start, stop = _block(content, rng)
    return content[:start] + bytes(stop - start) + content[stop:]


def randomize_block(content: bytes, rng: Rng) -> bytes:
    """Put any bytes in place of some."""
    start, stop = _block(content, rng)
    return content[:start] + rng.bytes(stop - start) + content[stop:]


def move_block(content: bytes, rng: Rng) -> bytes:
    """Put some bytes elsewhere."""
    start, stop = _block(content, rng)
    rest = content[:start] + content[stop:]
    at = int(rng.integers(len(rest) + 1))
    return rest[:at] + content[start:stop] + rest[at:]


def empty(content: bytes, rng: Rng) -> bytes:
    """Leave nothing, or next to nothing."""
    return [b"", b"\n", b"\0" * len(content), b" "][int(rng.integers(4))]


def replace_number(content: bytes, rng: Rng) -> bytes:
    """Put an odd number in place of one in the text."""
    return _replace(content, rng, rb"-?\d+(?:\.\d+)?", ODD_NUMBERS)


def replace_word(content: bytes, rng: Rng) -> bytes:
    """Put something else in place of a word of the text."""
    return _replace(content, rng, rb"[\w.-]+", (*ODD_WORDS, *ODD_NUMBERS))


def replace_mark(content: bytes, rng: Rng) -> bytes:
    """Put another mark in place of one, or none."""
    return _replace(content, rng, rb"[,:;{}\[\]\"'\n#-]", (*",:;{}[]\"'\n#-\t\\ ", ""))


def drop_line(content: bytes, rng: Rng) -> bytes:
    """Leave out a line."""
    lines = content.splitlines(keepends=True)
    if lines:
        del lines[int(rng.integers(len(lines)))]
    return b"".join(lines)


def repeat_line(content: bytes, rng: Rng) -> bytes:
    """Repeat a line."""
    lines = content.splitlines(keepends=True)
    if lines:
        at = int(rng.integers(len(lines)))
        lines.insert(int(rng.integers(len(lines))), lines[at])
    return b"".join(lines)


def swap_lines(content: bytes, rng: Rng) -> bytes:
    """Exchange two lines."""
    lines = content.splitlines(keepends=True)
    if lines:
        a, b = rng.integers(len(lines), size=2)
        lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def encode_otherwise(content: bytes, rng: Rng) -> bytes:
    """Write the text as other programs would."""
    text = content.decode("latin-1")
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: b"\xef\xbb\xbf" + content,
        lambda: text.encode("utf-16"),
        lambda: text.encode("utf-32"),
        lambda: content.replace(b"\n", b"\r\n"),
        lambda: content.replace(b"\n", b"\r"),
        lambda: content.replace(b",", b";"),
        lambda: content.replace(b",", b"\t"),
        lambda: b"sep=,\n" + content,
        lambda: content + b"\n\n",
        lambda: content.replace(b"e", b"\xe9"),
    )
    return ways[int(rng.integers(len(ways)))]()


ON_BYTES: Final[tuple[Mutation, ...]] = (
    flip_bit,
    set_byte,
    write_extreme,
    truncate,
    cut_last_bytes,
    delete_block,
    repeat_block,
    zero_block,
    randomize_block,
    move_block,
)
ON_TEXT: Final[tuple[Mutation, ...]] = (
    *(replace_number, replace_word, replace_mark) * 3,
    drop_line,
    repeat_line,
    swap_lines,
    encode_otherwise,
    empty,
)


def _used(content: bytes, rng: Rng) -> int:
    """Choose a place that is not within zeros, of which binary files are full."""
    if not content:
        return 0
    used = np.flatnonzero(np.frombuffer(content, np.uint8))
    return int(used[rng.integers(len(used))]) if len(used) else int(rng.integers(len(content)))


def _block(content: bytes, rng: Rng) -> tuple[int, int]:
    start = _used(content, rng)
    return start, min(start + int(rng.integers(1, _LONGEST_BLOCK)), len(content))


def _replace(content: bytes, rng: Rng, pattern: bytes, others: tuple[str, ...]) -> bytes:
    found = list(re.finditer(pattern, content))
    if not found:
        return content
    match = found[int(rng.integers(len(found)))]
    other = others[int(rng.integers(len(others)))].encode("utf-8", "surrogatepass")
    return content[: match.start()] + other + content[match.end() :]
