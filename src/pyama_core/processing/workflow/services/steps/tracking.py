"""TrackingService: one id per cell over time, with its lineage."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyama_core.io.tables import write_table
from pyama_core.io.types import MicroscopyMetadata
from pyama_core.processing.tracking import track_stack
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.resolve import completed, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.recorded import records_provenance
from pyama_core.processing.workflow.services.stacks import (
    load_stack,
    n_pixels,
    reporting,
    save_stack,
)
from pyama_core.processing.workflow.services.types import ProcessingContext, ResultsPathsPerFOV


class TrackingService(BaseProcessingService):
    """Writes ``seg_labeled`` (cell ids) and ``lineage``."""

    name = "tracking"
    params_model = TrackingParams
    version = 2
    after = "correction"
    reads = ("copy", "segmentation")

    @records_provenance
    def process_fov(
        self,
        metadata: MicroscopyMetadata,
        context: ProcessingContext,
        output_dir: Path,
        fov: int,
    ) -> None:
        """Track the cells of one FOV.

        Raises
        ------
        FileNotFoundError
            The segmentation is not there.
        InterruptedError
            The run was cancelled.
        """
        metadata = completed(metadata)
        layout = layout_of(metadata, context, output_dir)
        paths = context.paths(fov)
        segmented = load_stack(_segmented_path(paths, layout, fov), "segmentation")
        phase_path = paths.pc[1] if paths.pc else layout.phase(fov)
        tracking = track_stack(
            segmented,
            self.params(context),
            phase=load_stack(phase_path, "phase-contrast stack") if phase_path.exists() else None,
            missing=metadata.missing_frames.get(fov, ()),
            tick=lambda message, t: self.progress_callback(fov, t, len(segmented), message),
        )
        labels = reporting(
            tracking, lambda t: self.progress_callback(fov, t, len(segmented), "labeling cells")
        )
        save_stack(layout.labels(fov), segmented.shape, tracking.dtype, labels)
        write_table(layout.lineage(fov), tracking.lineage.table())
        context.add_messages(fov, tracking.messages)
        paths.seg_labeled = (layout.pc, layout.labels(fov))
        paths.lineage = (layout.pc, layout.lineage(fov))

    def outputs(self, layout: Layout, fov: int) -> Sequence[Path]:
        """Return tracked labels and lineage."""
        return [layout.labels(fov), layout.lineage(fov)]

    def channels_used(self, layout: Layout) -> Sequence[int]:
        """Return the segmented channel."""
        return [layout.pc]

    def bytes_written(self, layout: Layout, metadata: MicroscopyMetadata, params: Any) -> int:
        """Return the size of the labels."""
        return n_pixels(metadata) * np.dtype(np.uint16).itemsize


def _segmented_path(paths: ResultsPathsPerFOV, layout: Layout, fov: int) -> Path:
    """Instances where the segmentation gives them, else the mask."""
    if paths.seg_instances is not None:
        return paths.seg_instances[1]
    if layout.instances(fov).exists():
        return layout.instances(fov)
    return paths.seg[1] if paths.seg else layout.segmentation(fov)
