"""From what a user asked for to one frozen description of the run, or one clear error."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pyama_core.errors import InputError
from pyama_core.io.microscopy import MicroscopyFile, MicroscopyMetadata, open_microscopy
from pyama_core.processing.registry import load_plugin
from pyama_core.processing.segmentation import check_method
from pyama_core.processing.tracking import track as tracking
from pyama_core.processing.workflow.folder_checks import check_folder, checked_statuses
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.order import ordered_services
from pyama_core.processing.workflow.params import WorkflowParams, workflow_params
from pyama_core.processing.workflow.plan import PlannedStep, outputs_are_there, plan_fov
from pyama_core.processing.workflow.prune import Keep
from pyama_core.processing.workflow.resolve import complete_from, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import ProcessingContext, ensure_context
from pyama_core.processing.workflow.stamps import wanted_stamps
from pyama_core.processing.workflow.status import FovStatus, Stamp


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
