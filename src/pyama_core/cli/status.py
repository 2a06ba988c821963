"""``pyama status``: what an output folder holds."""

from pathlib import Path

import typer

from pyama_core.cli.app import EXIT_FAILED, EXIT_OK
from pyama_core.cli.show import show_message
from pyama_core.messages import Message, rank
from pyama_core.processing.workflow.layout import fov_folder_name
from pyama_core.processing.workflow.order import ordered_services
from pyama_core.processing.workflow.status import FovStatus
from pyama_core.processing.workflow.verify import damages, statuses


def show_status(folder: Path, *, verify: bool, messages: bool) -> int:
    """Print the state of every FOV; return 1 where something failed or is damaged."""
    all_well = True
    for fov, status in statuses(folder).items():
        wrong = list(damages(folder / fov_folder_name(fov), status, verify=verify))
        typer.echo(f"FOV {fov}: {_steps(status)}")
        for sentence in [*_failures(status), *wrong]:
            typer.echo(f"  {sentence}")
            all_well = False
        for message in _messages(status, everything=messages):
            show_message(message, indent="  ")
    if verify and all_well:
        typer.echo("Every file is as it was written.")
    return EXIT_OK if all_well else EXIT_FAILED


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
