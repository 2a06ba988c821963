"""Recording what a step made when it is called by hand, and not by a run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TypeVar

from pyama_core.io.atomic import collected_digests, is_collecting
from pyama_core.io.microscopy import MicroscopyMetadata, open_microscopy
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.params import workflow_params
from pyama_core.processing.workflow.resolve import completed, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import ProcessingContext
from pyama_core.processing.workflow.stamps import stamp_of
from pyama_core.processing.workflow.status import (
    FovStatus,
    Stamp,
    StepRecord,
    forget_steps,
    read_status,
    record_output,
    record_step,
)

Service = TypeVar("Service", bound=BaseProcessingService)
ProcessFov = Callable[[Service, MicroscopyMetadata, ProcessingContext, Path, int], None]


def records_provenance(process_fov: "ProcessFov[Service]") -> "ProcessFov[Service]":
    """Record what a step makes of a FOV, so that a run takes it over.

    A run records its steps itself. Where files of a FOV lie already that nobody recorded, nothing
    is recorded: they are PyAMA's.
    """

    @wraps(process_fov)
    def process_and_record(
        self: Service,
        metadata: MicroscopyMetadata,
        context: ProcessingContext,
        output_dir: Path,
        fov: int,
    ) -> None:
        def process() -> None:
            process_fov(self, metadata, context, output_dir, fov)

        if is_collecting():
            process()
            return
        metadata = completed(metadata)
        layout = layout_of(metadata, context, output_dir)
        if not _is_ours(layout, fov):
            process()
            return
        before = read_status(layout.status(fov))
        n_said, started = len(context.messages.get(fov, ())), time.perf_counter()
        with _status_file_there(layout.status(fov), self.name), collected_digests() as digests:
            process()
        outputs = [path for path in self.outputs(layout, fov) if path.exists()]
        record = StepRecord(
            state="done",
            stamp=_stamp(self, metadata, context, layout, before),
            seconds=time.perf_counter() - started,
            outputs=tuple(record_output(path, digests.get(path)) for path in outputs),
            messages=tuple(context.messages.get(fov, [])[n_said:]),
        )
        record_step(layout.status(fov), self.name, record)

    return process_and_record


@contextmanager
def _status_file_there(path: Path, step: str) -> Iterator[None]:
    """Have a status file without the step while the step works, and none of a first one's failure.

    So what is left by a step that was killed is told from PyAMA's results.
    """
    is_first = not path.exists()
    forget_steps(path, [step])
    try:
        yield
    except BaseException:
        if is_first:
            path.unlink(missing_ok=True)
        raise


def _stamp(
    service: BaseProcessingService,
    metadata: MicroscopyMetadata,
    context: ProcessingContext,
    layout: Layout,
    status: FovStatus,
) -> Stamp:
    model = service.params_model
    params = workflow_params(context.params, {} if model is None else {service.name: model})
    made = {name: record.stamp for name, record in status.steps.items()}
    return stamp_of(service, params, metadata, layout, _input(service, metadata, status), made)


def _is_ours(layout: Layout, fov: int) -> bool:
    """Whether a FOV's folder has a status file, or nothing in it yet."""
    return layout.status(fov).exists() or not any(path.exists() for path in layout.files(fov))


def _input(service: BaseProcessingService, metadata: MicroscopyMetadata, status: FovStatus) -> str:
    """Identity of the frames: of the step's own source, as recorded before, or of the file."""
    source = getattr(service, "source", None)
    if source is not None:
        return str(source.identity())
    if known := next((record.stamp.input for record in status.steps.values()), ""):
        return known
    with (
        suppress(OSError, ValueError),
        open_microscopy(metadata.file_path, read_once=True) as opened,
    ):
        return opened.identity()
    return ""
