"""ExtractionService: one trace table per fluorescence channel."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pyama_core.io.inspection import read_inspected
from pyama_core.io.microscopy import MicroscopyMetadata
from pyama_core.io.tables import write_table
from pyama_core.processing.extraction import extract_stack
from pyama_core.processing.extraction.params import ExtractionParams
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.resolve import completed, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.stacks import check_same_shape, load_stack
from pyama_core.processing.workflow.services.types import ProcessingContext, ResultsPathsPerFOV


class ExtractionService(BaseProcessingService):
    """Writes ``traces_csv`` for each fluorescence channel; shapes only where there is none."""

    name = "extraction"
    params_model = ExtractionParams
    after = "tracking"
    reads = ("tracking", "correction")

    def process_fov(
        self,
        metadata: MicroscopyMetadata,
        context: ProcessingContext,
        output_dir: Path,
        fov: int,
    ) -> None:
        """Measure every cell of one FOV in every frame.

        Raises
        ------
        FileNotFoundError
            Tracked segmentation or fluorescence is not there.
        InterruptedError
            The run was cancelled.
        """
        metadata = completed(metadata)
        layout = layout_of(metadata, context, output_dir)
        paths = context.paths(fov)
        labels_path = paths.seg_labeled[1] if paths.seg_labeled else layout.labels(fov)
        labels = load_stack(labels_path, "tracked segmentation")
        images = {c: _image(paths, layout, fov, c) for c in layout.fl}
        for channel, image in images.items():
            check_same_shape(image, labels, f"fluorescence of channel {channel}", "segmentation")
        tables = extract_stack(
            labels,
            images,
            self.params(context).with_channel_indices(metadata.channel_names),
            times=metadata.times_of(fov),
            fov=fov,
            missing=metadata.missing_frames.get(fov, ()),
            tick=lambda message, t: self.progress_callback(fov, t, len(labels), message),
        )
        context.add_messages(fov, tables.messages)
        paths.traces_csv = []
        for measured, table in tables.items():
            of_channel = layout.pc if measured is None else measured
            path = layout.traces(fov, of_channel)
            write_table(path, table)
            context.add_messages(fov, read_inspected(path).messages)
            paths.traces_csv.append((of_channel, path))

    def outputs(self, layout: Layout, fov: int) -> Sequence[Path]:
        """Return the trace tables."""
        return [layout.traces(fov, c) for c in layout.trace_channels()]

    def channels_used(self, layout: Layout) -> Sequence[int]:
        """Return the fluorescence channels."""
        return layout.fl


def _image(paths: ResultsPathsPerFOV, layout: Layout, fov: int, channel: int) -> NDArray[Any]:
    """Corrected fluorescence where there is some, else raw."""
    corrected = dict(paths.fl_corrected).get(channel, layout.corrected(fov, channel))
    raw = dict(paths.fl).get(channel, layout.fluorescence(fov, channel))
    path = corrected if corrected.exists() else raw
    return load_stack(path, f"fluorescence of channel {channel}")
