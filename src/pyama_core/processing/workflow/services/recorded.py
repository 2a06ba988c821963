"""Which planes the copied frames hold, and what a user should know of those that are missing."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pyama_core.io.atomic import collected_digests, is_collecting
from pyama_core.io.microscopy import open_microscopy
from pyama_core.io.projection import ZRule, planes_of
from pyama_core.io.types import MicroscopyFile, MicroscopyMetadata
from pyama_core.messages import Message
from pyama_core.planes import is_recorded, listed_frames, missing_message
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.params import workflow_params
from pyama_core.processing.workflow.provenance import stamp_of
from pyama_core.processing.workflow.resolve import completed, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import ProcessingContext
from pyama_core.processing.workflow.status import (
    FovStatus,
    Stamp,
    StepRecord,
    forget_steps,
    read_status,
    record_output,
    record_step,
)


class RecordedPlanes:
    """Notes, frame by frame, how many z planes each channel of one FOV was taken from.

    Parameters
    ----------
    metadata
        Of the file.
    fov
        Which FOV.
    rules
        The z rule of every copied channel.
    pc
        The segmented channel.
    """

    def __init__(
        self, metadata: MicroscopyMetadata, fov: int, rules: dict[int, ZRule], pc: int
    ) -> None:
        self._metadata, self._fov, self._rules, self._pc = metadata, fov, rules, pc
        self._counts = {c: np.zeros(metadata.n_frames, np.int64) for c in rules}

    def note(self, frame: int, channel: int, n_recorded: int) -> None:
        """Note that a channel of a frame was taken from so many recorded planes."""
        self._counts[channel][frame] = n_recorded

    def messages(self, source: MicroscopyFile) -> Iterator[Message]:
        """Yield what a user should know: frames and planes without data, one sentence a channel."""
        absent = self._metadata.missing_frames.get(self._fov, ())
        if absent:
            listed = listed_frames(absent, self._metadata.n_frames)
            text = f"Not in the file: {listed}; cells are not measured there."
            yield Message(text, "warning")
        for channel, counts in self._counts.items():
            missing = set(np.flatnonzero(counts == 0).tolist()) - set(absent)
            yield from self._of_missing(source, channel, missing)
            yield from self._of_partial(channel, counts)

    def _of_missing(
        self, source: MicroscopyFile, channel: int, missing: Collection[int]
    ) -> Iterator[Message]:
        """Say which frames of a channel hold no data, and whether other z planes of theirs do."""
        name = self._name(channel)
        result = "no cells are segmented there" if channel == self._pc else "intensities are empty"
        if elsewhere := self._recorded_elsewhere(source, channel, min(missing, default=None)):
            rule = self._rules[channel]
            chosen = planes_of(self._metadata, rule)[0]
            result += (
                f"; other z planes hold data there ({', '.join(map(str, elsewhere))}), but plane "
                f"{chosen} is used: choose with copy.z"
            )
        message = missing_message(name, missing, self._metadata.n_frames, result)
        yield from [message] if message else []

    def _recorded_elsewhere(
        self, source: MicroscopyFile, channel: int, frame: int | None
    ) -> list[int]:
        """Return the z planes that hold data in a frame whose chosen ones do not."""
        if frame is None:
            return []
        chosen = planes_of(self._metadata, self._rules[channel])
        others = [z for z in range(self._metadata.n_z) if z not in chosen]
        planes = (source.read_frame(self._fov, channel, frame, z) for z in others)
        return [z for z, plane in zip(others, planes, strict=True) if is_recorded(plane)]

    def _of_partial(self, channel: int, counts: NDArray[np.int64]) -> Iterator[Message]:
        """Say in which frames a projection is over some of the planes only."""
        n_planes = len(planes_of(self._metadata, self._rules[channel]))
        partial = np.flatnonzero((counts > 0) & (counts < n_planes))
        if partial.size:
            where = listed_frames(partial.tolist(), self._metadata.n_frames)
            fewest, most = counts[partial].min(), counts[partial].max()
            number = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            yield Message(
                f"Of {self._name(channel)}, {number} of {n_planes} z planes were recorded in "
                f"{where}: the {self._rules[channel]} is over these."
            )

    def _name(self, channel: int) -> str:
        name = self._metadata.channel_name(channel)
        return f"channel {channel} ({name})" if name else f"channel {channel}"


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
