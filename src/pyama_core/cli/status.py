"""``pyama status``: what an output folder holds."""

from pathlib import Path
from typing import Final

import typer

from pyama_core.cli.app import EXIT_FAILED, EXIT_OK
from pyama_core.cli.show import show_message
from pyama_core.messages import Message, rank
from pyama_core.processing.workflow.layout import fov_folder_name
from pyama_core.processing.workflow.mixed_recipes import mixed_recipes
from pyama_core.processing.workflow.order import ordered_services
from pyama_core.processing.workflow.runlog import KILLED, RUNNING, read_runs
from pyama_core.processing.workflow.status import FovStatus
from pyama_core.processing.workflow.verify import damages, statuses

_ALL_WELL: Final = "Every file is as it was written."
_NOT_WELL: Final = "Remove what was changed or damaged, and a run makes it again."


def show_status(folder: Path, *, verify: bool, messages: bool) -> int:
    """Print the state of every FOV; return 1 where something failed or is damaged."""
    found, all_well = statuses(folder), True
    for fov, status in found.items():
        wrong = list(damages(folder / fov_folder_name(fov), status, verify=verify))
        typer.echo(f"FOV {fov}: {_steps(status)}")
        for sentence in [*_failures(status), *wrong]:
            typer.echo(f"  {sentence}")
            all_well = False
        for message in _messages(status, everything=messages):
            show_message(message, indent="  ")
    for message in mixed_recipes(found):
        show_message(message)
    _show_runs(folder)
    if verify:
        typer.echo(_ALL_WELL if all_well else _NOT_WELL)
    return EXIT_OK if all_well else EXIT_FAILED


def _show_runs(folder: Path) -> None:
    """Print the last runs, those at work and those that were killed."""
    runs = read_runs(folder)
    for run in [run for run in runs[:-1] if run.get("outcome") in (RUNNING, KILLED)] + runs[-1:]:
        fovs = f" of FOV {run['fovs']}" if run.get("fovs") else ""
        took = f", {run['seconds']} s" if run.get("seconds") else ""
        typer.echo(f"Run{fovs}, started {run.get('started')}: {run.get('outcome')}{took}")


def _steps(status: FovStatus) -> str:
    states: dict[str, str] = dict.fromkeys((s.name for s in ordered_services()), "missing")
    states |= {step: record.state for step, record in status.steps.items()}
    return ", ".join(f"{step} {state}" for step, state in states.items())


def _messages(status: FovStatus, *, everything: bool) -> list[Message]:
    """Return the messages of all steps, the heaviest first; mere information if `everything`."""
    said = [message for record in status.steps.values() for message in record.messages]
    return sorted((m for m in said if everything or m.weight != "info"), key=rank)


def _failures(status: FovStatus) -> list[str]:
    return [f"{step}: {r.error}" for step, r in status.steps.items() if r.state == "failed"]
