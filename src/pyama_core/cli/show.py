"""Plans and summaries as text."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import typer

from pyama_core.fov_ranges import format_fovs
from pyama_core.messages import Message, Weight, rank
from pyama_core.processing.workflow.layout import RUNS_FOLDER
from pyama_core.processing.workflow.output_folder import free_bytes
from pyama_core.processing.workflow.prepare import PreparedRun
from pyama_core.processing.workflow.summary import RunSummary

_MOST_MESSAGES: Final = 8
_COLORS: Final[dict[Weight, str | None]] = {"info": None, "warning": "yellow", "error": "red"}


def show_plan(run: PreparedRun, *, everything: bool) -> None:
    """Say what to doubt, and what will be done and why; what is just new only if `everything`."""
    for warning in run.metadata.warnings:
        show_message(Message(warning, "warning"))
    reasons: dict[tuple[str, str], list[int]] = defaultdict(list)
    for fov, planned in run.plans.items():
        for step in planned:
            if step.runs and (everything or step.state != "missing"):
                reasons[step.step, step.why].append(fov)
    for (name, why), fovs in reasons.items():
        typer.echo(f"{name} of FOV {format_fovs(fovs)}: {why}")
    n_done = len(run.plans) - len(run.unfinished)
    if n_done:
        typer.echo(f"{n_done} of {len(run.plans)} FOVs are done already.")
    if everything:
        _show_disk(run)


def show_summary(summary: RunSummary, seconds: float) -> None:
    """Print the closing table."""
    rows = [
        ("FOVs", f"{summary.n_fovs - len(summary.failures)} of {summary.n_fovs} done"),
        ("Cells", f"{summary.n_cells}"),
        ("Traces", f"{summary.n_traces}, {summary.n_good} of them good{_rejected(summary)}"),
        ("Seconds", f"{seconds:.1f} in all; {_by_step(summary)}"),
        ("Failures", "none" if not summary.failures else f"{len(summary.failures)}"),
    ]
    typer.echo()
    for name, value in rows:
        typer.echo(f"{name:<9} {value}")
    for fov, error in summary.failures.items():
        typer.echo(f"  FOV {fov}: {error}")
    if summary.failures:
        typer.echo(f"  The newest file in {RUNS_FOLDER} in the output folder has the details.")
    for message in summary.of_folder[:_MOST_MESSAGES]:
        show_message(message)
    _show_messages(summary.messages)


def _rejected(summary: RunSummary) -> str:
    return "".join(f"; {n} {reason}" for reason, n in summary.rejected.most_common())


def _show_messages(messages: Mapping[Message, Sequence[int]]) -> None:
    """Show the heaviest, then what concerns most FOVs; those that name a number differ by FOV."""
    ordered = sorted(messages.items(), key=lambda item: (rank(item[0]), -len(item[1])))
    for message, fovs in ordered[:_MOST_MESSAGES]:
        show_message(message, f"FOV {format_fovs(fovs)}: ")
    if len(ordered) > _MOST_MESSAGES:
        n_left = len(ordered) - _MOST_MESSAGES
        typer.echo(f"... and {n_left} more messages: `pyama status FOLDER --messages` shows all.")


def show_message(message: Message, subject: str = "", indent: str = "") -> None:
    """Print a message, its weight before it and in a color of its own."""
    heading = message.weight.title()
    typer.secho(f"{indent}{heading}: {subject}{message.text}", fg=_COLORS[message.weight])


def _by_step(summary: RunSummary) -> str:
    if not summary.seconds:
        return "no step was done" if summary.failures else "nothing was left to do"
    each = ", ".join(f"{step} {value:.1f}" for step, value in summary.seconds.items())
    return f"work by step: {each}"


def _show_disk(run: PreparedRun) -> None:
    free = free_bytes(run.layout.output_dir)
    typer.echo(f"Disk: {run.bytes_needed / 1e9:.2f} GB needed, {free / 1e9:.2f} GB free.")
