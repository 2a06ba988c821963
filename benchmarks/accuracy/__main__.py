"""``make accuracy``: every figure, and what it is to reach; ``--write`` puts them into docs/."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.accuracy import Figure, table
from benchmarks.accuracy.background import background_accuracy
from benchmarks.accuracy.segmentation import segmentation_accuracy
from benchmarks.accuracy.tracking import tracking_accuracy

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"
HEADING = "## Figures\n"
PARTS: dict[str, Callable[[], list[Figure]]] = {
    "Segmentation": segmentation_accuracy,
    "Background": background_accuracy,
    "Tracking": tracking_accuracy,
}


def main(arguments: list[str]) -> None:
    """Print a Markdown table for each part; with ``--write``, keep them in docs/accuracy.md."""
    figures = "\n".join(_measured())
    if "--write" in arguments:
        before, _, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
        PAGE.write_text(f"{before}{HEADING}\n{figures}", encoding="utf-8")


def _measured() -> Iterator[str]:
    """Measure part by part, printing each as soon as it is known."""
    for title, measure in PARTS.items():
        part = f"### {title}\n\n{table(measure())}\n"
        print(part, flush=True)
        yield part


if __name__ == "__main__":
    main(sys.argv[1:])
