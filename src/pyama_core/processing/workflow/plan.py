"""What a run has to do: FOV x step -> done, stale (why) or missing; used by run, status, resume."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.stamps import differences
from pyama_core.processing.workflow.status import FovStatus, OutputRecord, Stamp

PlanState = Literal["done", "stale", "missing", "failed", "pruned"]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of one FOV: where it stands, and why it runs if it does."""

    step: str
    state: PlanState
    runs: bool
    why: str = ""


def plan_fov(
    services: Sequence[BaseProcessingService],
    wanted: Mapping[str, Stamp],
    status: FovStatus,
    is_there: Callable[[OutputRecord], bool],
) -> list[PlannedStep]:
    """Plan one FOV.

    Parameters
    ----------
    services
        All steps in their order.
    wanted
        The stamp each step would leave now.
    status
        What the FOV's status file says was made.
    is_there
        Whether an output is on disk as recorded.
    """
    first = [_judge(service, wanted[service.name], status, is_there) for service in services]
    return _with_needed_inputs(services, first)


def outputs_are_there(folder: Path) -> Callable[[OutputRecord], bool]:
    """Return a check that a file of a FOV's folder has its recorded size."""

    def is_there(output: OutputRecord) -> bool:
        path = folder / output.name
        return path.is_file() and path.stat().st_size == output.size

    return is_there


def _judge(
    service: BaseProcessingService,
    wanted: Stamp,
    status: FovStatus,
    is_there: Callable[[OutputRecord], bool],
) -> PlannedStep:
    name = service.name
    made = status.steps.get(name)
    if made is None:
        return PlannedStep(name, "missing", True, "not done yet")
    if made.state == "failed":
        return PlannedStep(name, "failed", True, f"failed before: {made.error}")
    if reasons := differences(made.stamp, wanted, name):
        return PlannedStep(name, "stale", True, "; ".join(reasons))
    if made.state == "pruned":
        return PlannedStep(name, "pruned", False)
    if type(service).outputs is BaseProcessingService.outputs:
        return PlannedStep(name, "missing", True, "it declares no outputs, so it always runs")
    if gone := [output.name for output in made.outputs if not is_there(output)]:
        return PlannedStep(name, "stale", True, f"{gone[0]} is gone or has another size")
    return PlannedStep(name, "done", False)


def _with_needed_inputs(
    services: Sequence[BaseProcessingService], steps: Sequence[PlannedStep]
) -> list[PlannedStep]:
    """Run pruned steps again where a step that runs reads them."""
    planned = {step.step: step for step in steps}
    for service in reversed(services):
        if not planned[service.name].runs:
            continue
        for name in service.reads:
            if name in planned and planned[name].state == "pruned":
                why = f"its files were removed to save space and {service.name} reads them"
                planned[name] = PlannedStep(name, "pruned", True, why)
    return list(planned.values())
