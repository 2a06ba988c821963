"""``make accuracy``: every figure, and what it is to reach."""

from collections.abc import Callable

from benchmarks.accuracy import Figure
from benchmarks.accuracy.background import background_accuracy
from benchmarks.accuracy.segmentation import segmentation_accuracy
from benchmarks.accuracy.tracking import tracking_accuracy

PARTS: dict[str, Callable[[], list[Figure]]] = {
    "Segmentation": segmentation_accuracy,
    "Background": background_accuracy,
    "Tracking": tracking_accuracy,
}


def main() -> None:
    """Print a Markdown table for each part."""
    for title, measure in PARTS.items():
        print(f"\n## {title}\n\n| figure | value | to reach |\n|---|---|---|", flush=True)
        for figure in measure():
            print(f"| {figure.name} | {figure.value:.3g} {figure.unit} | {figure.reach} |")


if __name__ == "__main__":
    main()
