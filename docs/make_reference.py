"""Writes the reference pages that are made from the code: commands, parameters and features."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic.fields import FieldInfo

from pyama_core.cli.app import app
from pyama_core.cli.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE
from pyama_core.processing.extraction.features import feature_reference
from pyama_core.processing.parameters import limits_of, unit_of
from pyama_core.processing.workflow.params import sections_of
from pyama_core.processing.workflow.recipe import default_of

FOLDER = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    return {
        "command-line.md": "\n".join(_commands()) + "\n",
        "parameters.md": "\n".join(_parameters()) + "\n",
        "features.md": "\n".join(_features()) + "\n",
    }


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")


def _commands() -> Iterator[str]:
    yield "# Command line"
    yield ""
    yield "`pyama COMMAND --help` shows the same in the terminal, `pyama --version` the version."
    yield ""
    yield f"Exit codes: {EXIT_OK} all well; {EXIT_FAILED} a FOV failed or a file is damaged;"
    yield f"{EXIT_USAGE} something given is wrong; {EXIT_INTERRUPTED} interrupted."
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        given = " ".join(p.name.upper() for p in command.params if p.param_type_name == "argument")
        yield from ("", f"## pyama {name}", "", command.help)
        if command.params:
            yield from ("", f"`pyama {name} {given}`".replace(" `", "`"), "")
            yield "| option | meaning | default |"
            yield "|---|---|---|"
        for option in command.params:
            yield _row(_option_name(option), option.help, _default(option))


def _option_name(option: Any) -> str:
    if option.param_type_name == "argument":
        return f"`{option.name.upper()}`"
    return ", ".join(f"`{name}`" for name in option.opts)


def _default(option: Any) -> str:
    if option.required:
        return "required"
    return "" if option.default is None or option.default is False else f"`{option.default}`"


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
