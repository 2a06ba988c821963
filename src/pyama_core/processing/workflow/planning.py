"""From what a user asked for to one frozen description of the run, or one clear error."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pyama_core.errors import InputError
from pyama_core.io.atomic import digest_ends
from pyama_core.io.microscopy import open_microscopy
from pyama_core.io.types import MicroscopyFile, MicroscopyMetadata
from pyama_core.io.untrusted import InsideFolder
from pyama_core.processing.registry import load_plugin
from pyama_core.processing.segmentation import check_method
from pyama_core.processing.tracking import track as tracking
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.outputs import Keep, check_folder, checked_statuses
from pyama_core.processing.workflow.params import WorkflowParams, workflow_params
from pyama_core.processing.workflow.provenance import differences, wanted_stamps
from pyama_core.processing.workflow.resolve import complete_from, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import ProcessingContext, ensure_context
from pyama_core.processing.workflow.status import FovStatus, OutputRecord, Stamp
from pyama_core.processing.workflow.step_order import ordered_services

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


@dataclass(frozen=True)
class PreparedRun:
    """All a run needs to know, decided before any work."""

    metadata: MicroscopyMetadata
    context: ProcessingContext
    params: WorkflowParams
    layout: Layout
    services: Sequence[BaseProcessingService]
    stamps: Mapping[str, Stamp]
    input_key: str
    plans: Mapping[int, Sequence[PlannedStep]]
    statuses: Mapping[int, FovStatus]
    """What earlier runs had made of each FOV."""

    def services_to_run(self, fov: int) -> list[BaseProcessingService]:
        """Return the steps a FOV still needs, in their order."""
        runs = {step.step for step in self.plans[fov] if step.runs}
        return [service for service in self.services if service.name in runs]

    @property
    def unfinished(self) -> list[int]:
        """FOVs with something left to do."""
        return [fov for fov in self.plans if self.services_to_run(fov)]

    def locks(self, keep: Keep) -> list[Path]:
        """Return the locks of the FOVs whose files will be written or removed."""
        touched = self.plans if keep == "results" else self.unfinished
        return [self.layout.lock(fov) for fov in touched]

    @property
    def bytes_needed(self) -> int:
        """Bytes that the steps left to do will write."""
        return sum(
            service.bytes_written(self.layout, self.metadata, self.params.section(service.name))
            for fov in self.plans
            for service in self.services_to_run(fov)
        )


def prepare_run(
    metadata: MicroscopyMetadata,
    context: ProcessingContext,
    fovs: Iterable[int],
    *,
    services: Sequence[BaseProcessingService] = (),
    source: MicroscopyFile | None = None,
) -> PreparedRun:
    """Check everything a user gave and plan every FOV; nothing is written.

    Raises
    ------
    FileNotFoundError
        The microscopy file is not there.
    InputError
        Something given is wrong: file, channels, parameters, metadata, output folder.
    """
    context = ensure_context(context)
    actual, input_key = _inspect(metadata, source)
    _check_time_units(context)
    steps = ordered_services(services)
    sections = {s.name: s.params_model for s in services if s.params_model is not None}
    params = workflow_params(context.params, sections)
    layout = layout_of(actual, context, _output_dir(context))
    fovs = list(fovs)
    check_folder(layout, fovs, steps)
    _check_choices(actual, params, layout, fovs)
    actual = replace(actual, warnings=(*actual.warnings, *_doubts(actual, layout)))
    stamps = wanted_stamps(steps, params, actual, layout, input_key)
    statuses = checked_statuses(layout, fovs, input_key)
    plans = {
        fov: plan_fov(steps, stamps, status, outputs_are_there(layout.folder(fov)))
        for fov, status in statuses.items()
    }
    return PreparedRun(actual, context, params, layout, steps, stamps, input_key, plans, statuses)


def _inspect(
    metadata: MicroscopyMetadata, source: MicroscopyFile | None
) -> tuple[MicroscopyMetadata, str]:
    """Complete the metadata from the source itself."""
    if source is not None:
        return complete_from(metadata, source.metadata), source.identity()
    with open_microscopy(metadata.file_path) as opened:
        return complete_from(metadata, opened.metadata), opened.identity()


def _doubts(metadata: MicroscopyMetadata, layout: Layout) -> list[str]:
    """Say what may not have been meant: a marker may well be segmented and measured, though."""
    if layout.pc not in layout.fl:
        return []
    return [
        f"Channel {layout.pc} ({metadata.channel_name(layout.pc)}) is segmented and measured: "
        "leave it out of the fluorescence channels unless its intensities are wanted."
    ]


def _output_dir(context: ProcessingContext) -> Path:
    if context.output_dir is None:
        raise InputError("No output folder is given: set output_dir of the context.")
    return Path(context.output_dir)


def _check_time_units(context: ProcessingContext) -> None:
    """Keep minutes from being written under the name of another unit."""
    if context.time_units != "min":
        raise InputError(
            f"time_units is {context.time_units!r}, but times are written in minutes: "
            "leave it at 'min'."
        )


def _check_choices(
    metadata: MicroscopyMetadata, params: WorkflowParams, layout: Layout, fovs: Sequence[int]
) -> None:
    """Raise where a parameter names something that is not there."""
    _check_planes(metadata, params, layout)
    check_method(params.segmentation, fovs, metadata.n_frames, metadata.missing_frames)
    load_plugin(tracking.GROUP, params.tracking.method, tracking.BUILTIN)
    params.extraction.with_channel_indices(metadata.channel_names)


def _check_planes(metadata: MicroscopyMetadata, params: WorkflowParams, layout: Layout) -> None:
    for channel in (layout.pc, *layout.fl):
        rule = params.copying.z_of(channel, metadata.channel_names)
        if isinstance(rule, int) and not 0 <= rule < metadata.n_z:
            raise InputError(
                f"copy.z is {rule} for channel {channel}, but the file has planes 0 to "
                f"{metadata.n_z - 1}: give one of these, middle, max or mean."
            )
