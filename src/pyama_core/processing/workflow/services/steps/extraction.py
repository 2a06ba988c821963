"""ExtractionService: one trace table per fluorescence channel."""

from collections.abc import Sequence
from pathlib import Path

from pyama_core.io.inspection import read_inspected
from pyama_core.io.tables import write_table
from pyama_core.io.types import MicroscopyMetadata
from pyama_core.processing.extraction import extract_stack
from pyama_core.processing.extraction.params import ExtractionParams
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.resolve import completed, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.recorded import records_provenance
from pyama_core.processing.workflow.services.stacks import (
    check_same_shape,
    fluorescence_of,
    load_stack,
    marked_as_raw,
    unseen_frames,
)
from pyama_core.processing.workflow.services.types import ProcessingContext


class ExtractionService(BaseProcessingService):
    """Writes ``traces_csv`` for each fluorescence channel; shapes only where there is none."""

    name = "extraction"
    params_model = ExtractionParams
    after = "tracking"
    reads = ("copy", "tracking", "correction")
    version = 2

    @records_provenance
    def process_fov(
        self,
        metadata: MicroscopyMetadata,
        context: ProcessingContext,
        output_dir: Path,
        fov: int,
    ) -> None:
        """Measure every cell of one FOV in every frame.

        Where the correction has not run, raw fluorescence is measured: a message says so, and the
        table has a column ``corrected`` of False.

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
        inputs = {c: fluorescence_of(paths, layout, fov, c) for c in layout.fl}
        for channel, fluorescence in inputs.items():
            what = f"fluorescence of channel {channel}"
            check_same_shape(fluorescence.measured, labels, what, "segmentation")
            context.add_messages(fov, fluorescence.messages)
        tables = extract_stack(
            labels,
            {c: fluorescence.measured for c, fluorescence in inputs.items()},
            self.params(context).with_channel_indices(metadata.channel_names),
            times=metadata.times_of(fov),
            fov=fov,
            missing=unseen_frames(metadata, paths, layout, fov, labels),
            raw={c: f.raw for c, f in inputs.items() if f.raw is not None},
            significant_bits=metadata.significant_bits,
            tick=lambda message, t: self.progress_callback(fov, t, len(labels), message),
        )
        context.add_messages(fov, tables.messages)
        paths.traces_csv = []
        for measured, table in tables.items():
            of_channel = layout.pc if measured is None else measured
            path = layout.traces(fov, of_channel)
            is_corrected = measured is None or inputs[measured].is_corrected
            write_table(path, table if is_corrected else marked_as_raw(table))
            context.add_messages(fov, read_inspected(path).messages)
            paths.traces_csv.append((of_channel, path))

    def outputs(self, layout: Layout, fov: int) -> Sequence[Path]:
        """Return the trace tables."""
        return [layout.traces(fov, c) for c in layout.trace_channels()]

    def channels_used(self, layout: Layout) -> Sequence[int]:
        """Return the fluorescence channels."""
        return layout.fl
