"""The commands and their options; what they do lives in modules loaded when one is called."""

import math
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal, cast

import typer

from pyama_core.cli.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE
from pyama_core.standard_streams import steady_standard_streams

app = typer.Typer(
    name="pyama",
    help="One fluorescence trace per cell from multi-position time lapses.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)
"""What a wrong command line raises; typer has no name for it that all its versions share."""


def _path(text: str) -> Path:
    if not str(text).strip():
        raise typer.BadParameter(f"'{text}' is empty: name a file or folder, \".\" for this one.")
    return Path(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise typer.BadParameter(f"'{text}' is not a number of seconds above 0.")
    return seconds


def _count(text: str) -> int:
    if not (str(text).isdecimal() and int(text) >= 1):
        raise typer.BadParameter(f"'{text}' is not a whole number of 1 or more.")
    return int(text)


FileArgument = Annotated[
    Path, typer.Argument(help="Microscopy file (.nd2).", show_default=False, parser=_path)
]
FolderArgument = Annotated[
    Path, typer.Argument(help="Output folder of a run.", show_default=False, parser=_path)
]
ChannelOption = Annotated[
    str | None, typer.Option("--pc", help="Channel that is segmented, by index or name.")
]
FluorescenceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fl", help="Channel that is measured, by index or name; repeat it, or list GFP,RFP."
    ),
]
WorkersOption = Annotated[
    int, typer.Option(help="Worker processes.", parser=_count, metavar="<int>")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"napari-pyama {version('napari-pyama')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Take the options that need no command."""


@app.command()
def info(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Microscopy file (.nd2); may be left out with --debug.",
            show_default=False,
            parser=_path,
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show versions and system, too, for a bug report.")
    ] = False,
) -> None:
    """Show positions, channels, frames, sizes and times of a microscopy file."""
    from pyama_core.cli.report import show_environment, show_info

    if file is None and not debug:
        raise typer.BadParameter("Missing argument 'FILE': name a microscopy file.")
    if debug:
        show_environment()
    if file is not None:
        show_info(file)


@app.command()
def recipe() -> None:
    """Print a recipe with every parameter, its default, unit and limits."""
    from pyama_core.processing.workflow.params import WorkflowParams
    from pyama_core.processing.workflow.recipe import recipe_text

    typer.echo(recipe_text(WorkflowParams()), nl=False)


@app.command()
def run(
    file: FileArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Output folder.", parser=_path, metavar="<path>")
    ],
    pc: ChannelOption = None,
    fl: FluorescenceOption = None,
    fovs: Annotated[str, typer.Option(help='FOVs, like "0-4,7", or "all".')] = "all",
    workers: WorkersOption = 2,
    batch_size: Annotated[
        int,
        typer.Option(help="FOVs copied ahead of computing.", parser=_count, metavar="<int>"),
    ] = 2,
    recipe: Annotated[
        Path | None,
        typer.Option(help="Recipe with channels and parameters.", parser=_path, metavar="<path>"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter as step.name=value; may be repeated."),
    ] = None,
    keep: Annotated[
        Literal["all", "results"],
        typer.Option(help="results: remove raw copies and intermediate stacks of finished FOVs."),
    ] = "all",
    step: Annotated[
        list[str] | None,
        typer.Option(help="A step of your own as module:Class; may be repeated."),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            help="Part I/N of these FOVs, counted from 1, for one of N runs.", metavar="I/N"
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            help="Most seconds of work on one FOV; one that takes longer fails.",
            parser=_seconds,
            metavar="<seconds>",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Have the workers of a dask cluster do the work, by the address of its scheduler, "
            "tcp://host:8786; PYAMA_SCHEDULER names it, too.",
            envvar="PYAMA_SCHEDULER",
            metavar="<address>",
            show_envvar=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> None:
    """Run the whole workflow; what an earlier run has done is not done again."""
    from pyama_core.cli.run import RunRequest, run_workflow

    request = RunRequest(
        file=file,
        output=output,
        pc=pc,
        fl=fl or (),
        fovs=fovs,
        workers=workers,
        batch_size=batch_size,
        recipe=recipe,
        settings=settings or (),
        keep=keep,
        steps=step or (),
        part=part,
        timeout=timeout,
        scheduler=scheduler or "",
    )
    raise typer.Exit(run_workflow(request, dry_run=dry_run))


@app.command()
def status(
    folder: FolderArgument,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare every file with its digest.")
    ] = False,
    messages: Annotated[
        bool, typer.Option("--messages", help="Show not only warnings, but all messages.")
    ] = False,
) -> None:
    """Show what an output folder holds: done, failed and missing, FOV by FOV."""
    from pyama_core.cli.report import show_status

    raise typer.Exit(show_status(folder, verify=verify, messages=messages))


@app.command()
def merge(
    folder: FolderArgument,
    samples: Annotated[
        Path, typer.Argument(help="samples.yaml: which FOVs are which sample.", parser=_path)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Where to; the folder where not given.",
            parser=_path,
            metavar="<path>",
        ),
    ] = None,
    all_rows: Annotated[
        bool, typer.Option("--all-rows", help="Take traces that are not good, too.")
    ] = False,
) -> None:
    """Merge the traces of FOVs into one table per sample and feature."""
    from pyama_core.cli.report import show_message
    from pyama_core.io.samples import merge_samples, read_samples
    from pyama_core.processing.workflow.provenance import mixed_recipes_in

    merged = merge_samples(folder, read_samples(samples), output or folder, all_rows=all_rows)
    for path in merged:
        typer.echo(path)
    for message in [*merged.messages, *mixed_recipes_in(folder)]:
        show_message(message)


@app.command()
def parquet(folder: FolderArgument) -> None:
    """Write the table of all traces as parquet, too (needs the extra `parquet`)."""
    from pyama_core.io.experiment import write_parquet
    from pyama_core.processing.workflow.layout import TRACES_TABLE

    typer.echo(write_parquet(folder / TRACES_TABLE))


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder to make.", parser=_path, metavar="<path>")
    ] = Path("demo"),
    workers: WorkersOption = 2,
) -> None:
    """Make the embedded sample experiment, run the whole workflow on it, show what came out."""
    from pyama_core.cli.run import run_demo

    raise typer.Exit(run_demo(output, workers))


def main() -> None:
    """Run the command line; a user's mistake ends in one sentence and exit code 2."""
    signal.signal(signal.SIGINT, _interrupted)
    output = steady_standard_streams()
    code = _exit_code_of(sys.argv[1:] or ["--help"])
    if output is not None and output.error is not None:
        typer.echo(f"Error: The output is incomplete ({output.error.strerror}).", err=True)
        code = code or EXIT_FAILED
    sys.exit(code)


def _exit_code_of(arguments: list[str]) -> int:
    from pyama_core.disks import is_disk_failure
    from pyama_core.errors import InputError, sentence_of

    try:
        return int(app(arguments, prog_name=app.info.name, standalone_mode=False) or EXIT_OK)
    except _UsageError as error:
        typer.echo(f"Error: {_wrong_usage(error)}", err=True)
    except (InputError, OSError) as error:
        typer.echo(f"Error: {sentence_of(error)}", err=True)
        return EXIT_FAILED if is_disk_failure(error) else EXIT_USAGE
    return EXIT_USAGE


def _wrong_usage(error: typer.BadParameter) -> str:
    command = error.ctx.command_path if error.ctx else app.info.name
    said = error.format_message().replace("Value error, ", "")
    stop = "" if said.endswith((".", "?")) else "."
    return f"{said}{stop} `{command} --help` says what is allowed."


def _interrupted(signum: int, frame: FrameType | None) -> None:
    """End at once: an exception could be swallowed by whatever is being imported."""
    typer.echo("Interrupted.", err=True)
    os._exit(EXIT_INTERRUPTED)
