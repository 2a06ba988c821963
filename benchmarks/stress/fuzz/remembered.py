"""Inputs that failed once, kept as they were."""

import base64
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("failed.jsonl")
_MOST_CHARACTERS: Final = 12_000
"""Of a kept input; larger ones are known by their seed only."""


@dataclass(frozen=True)
class Remembered:
    """A damaged file and what it was used for."""

    target: str
    file: str
    use: str
    how: str
    content: bytes

    def line(self, why: str) -> str:
        """Return it as a line of JSON, with what went wrong."""
        packed = base64.b85encode(zlib.compress(self.content, 9)).decode()
        entry = {"target": self.target, "file": self.file, "use": self.use, "how": self.how}
        return json.dumps({**entry, "why": why, "content": packed})


def remembered(file: Path = FILE) -> list[Remembered]:
    """Read the inputs that failed once."""
    if not file.exists():
        return []
    return [_read(line) for line in file.read_text(encoding="utf-8").splitlines()]


def remember(known: Remembered, why: str, file: Path = FILE) -> bool:
    """Keep an input, unless one that failed in the same way is kept; say whether it was."""
    line = known.line(why)
    kept = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    reasons = {(entry["target"], entry["why"]) for entry in map(json.loads, kept)}
    if (known.target, why) in reasons or len(line) > _MOST_CHARACTERS:
        return False
    with file.open("a", encoding="utf-8", newline="\n") as lines:
        lines.write(f"{line}\n")
    return True


def _read(line: str) -> Remembered:
    entry = json.loads(line)
    del entry["why"]
    content = zlib.decompress(base64.b85decode(entry.pop("content")))
    return Remembered(**entry, content=content)
