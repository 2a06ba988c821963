"""Writes the reference pages that are made from the code: parameters and features."""

from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from pyama_core.processing.extraction.features import feature_reference
from pyama_core.processing.parameters import limits_of, unit_of
from pyama_core.processing.workflow.params import sections_of
from pyama_core.processing.workflow.recipe import default_of

FOLDER = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    return {
        "parameters.md": "\n".join(_parameters()) + "\n",
        "features.md": "\n".join(_features()) + "\n",
    }


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")


def _parameters() -> Iterator[str]:
    yield "# Parameters"
    yield ""
    yield "In a recipe each stands in the section of its step; on the command line it is"
    yield "`--set step.name=value`; in napari the docks show the same. *auto* is left to the data."
    for step, section in sections_of().items():
        yield from ("", f"## {step}", "", "| parameter | meaning | unit | allowed | default |")
        yield "|---|---|---|---|---|"
        for name, info in section.model_fields.items():
            yield _row(
                f"`{step}.{name}`", _help(info), unit_of(info), limits_of(info), default_of(info)
            )


def _features() -> Iterator[str]:
    yield "# Features"
    yield ""
    yield "Chosen by name in `extraction.features`, or for one channel in"
    yield "`extraction.channel_features`. Named and defined as in scikit-image and CellProfiler."
    yield ""
    yield "| feature | columns | unit | meaning | formula |"
    yield "|---|---|---|---|---|"
    for feature in feature_reference():
        columns = ", ".join(f"`{column}`" for column in feature["columns"].split(", "))
        yield _row(
            f"`{feature['name']}`", columns, feature["unit"], feature["help"], feature["formula"]
        )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _help(info: FieldInfo) -> str:
    return info.description or ""


if __name__ == "__main__":
    main()
