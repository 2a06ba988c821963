"""What a run has to do: FOV x step -> done, stale (why) or missing; used by run, status, resume."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pyama_core.io.digest import digest_ends
from pyama_core.io.untrusted import InsideFolder
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
        Whether an output is on disk as recorded, as far as can be told at once.
    """
    first = [_judge(service, wanted[service.name], status, is_there) for service in services]
    return _with_needed_inputs(services, first)


def outputs_are_there(folder: Path) -> Callable[[OutputRecord], bool]:
    """Return a check that a file of a FOV's folder has its recorded size, beginning and end."""
    inside = InsideFolder(folder.parent)

    def is_there(output: OutputRecord) -> bool:
        path = folder / output.name
        if inside.place(path) != "inside" or path.stat().st_size != output.size:
            return False
        return not output.ends or digest_ends(path) == output.ends

    return is_there


def with_makers(
    services: Sequence[BaseProcessingService],
    all_services: Sequence[BaseProcessingService],
    damaged: Collection[str],
    planned: Sequence[PlannedStep],
) -> list[BaseProcessingService]:
    """Return some steps, and those that make anew what they read, in their order.

    Parameters
    ----------
    services
        Steps that run.
    all_services
        All steps in their order.
    damaged
        Steps whose outputs turned out to be damaged.
    planned
        The plan without what these had made.
    """
    runs = {step.step for step in planned if step.runs}
    given = {service.name: service for service in services}
    reads = {service.name: service.reads for service in all_services}
    wanted, waiting = set[str](), [*given, *damaged]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += [read for read in reads[name] if read in runs]
    return [given.get(s.name, s) for s in all_services if s.name in wanted]


def _judge(
    service: BaseProcessingService,
    wanted: Stamp,
    status: FovStatus,
    is_there: Callable[[OutputRecord], bool],
) -> PlannedStep:
    name = service.name
    made = status.steps.get(name)
    if made is None and status.damage:
        return PlannedStep(name, "stale", True, "its status file is damaged")
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
        return PlannedStep(name, "stale", True, f"{gone[0]} is gone or damaged")
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
