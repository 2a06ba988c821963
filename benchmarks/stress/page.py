"""The counts as Markdown, printed and kept in docs/reliability.md between markers."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.stress.cases import Counts

_MOST_LISTED: Final = 20
PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"


def section(counts: Counts, *, stated_n: int) -> str:
    """Return what is known of one part: when, how, and how often what came out."""
    lines = [
        f"`make stress PART={counts.part} N={stated_n} SEED={counts.seed}` on "
        f"{datetime.now(UTC):%Y-%m-%d}: {_number(counts.n, 'case')}, "
        f"{_number(len(counts.failures), 'failure')}.",
        "",
        "| what | cases | outcome |",
        "|---|---|---|",
        *_rows(counts),
        *_failures(counts),
    ]
    return "\n".join(lines)


def keep(part: str, text: str, page: Path = PAGE) -> None:
    """Put a section between its markers on the page.

    Raises
    ------
    ValueError
        The page has no such markers.
    """
    content = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(content):
        raise ValueError(f"{page} has no lines {begin} and {end}.")
    whole = f"{begin}\n\n{text}\n\n{end}"
    page.write_text(pattern.sub(lambda _: whole, content), encoding="utf-8", newline="\n")


def _rows(counts: Counts) -> list[str]:
    return [f"| {group} | {n} | {kind} |" for (group, kind), n in sorted(counts.kinds.items())]


def _failures(counts: Counts) -> list[str]:
    """List the first failures, so that they can be replayed."""
    if not counts.failures:
        return []
    listed = [
        f"- {outcome.kind}: {_safe(outcome.about)}: `{case.replay}`"
        for case, outcome in counts.failures[:_MOST_LISTED]
    ]
    left = len(counts.failures) - len(listed)
    return ["", *listed, *([f"- and {left} more"] if left else [])]


def _safe(text: str) -> str:
    """Keep a text from being taken for Markdown."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", " ".join(text.split()))


def _number(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
