"""SegmentationService: cell masks from the phase-contrast stack."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.io.atomic import write_npy_stream
from pyama_core.io.types import MicroscopyMetadata
from pyama_core.processing.segmentation import Doubts, SegmentedFrame, files_named, segment_stack
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.resolve import completed, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.recorded import records_provenance
from pyama_core.processing.workflow.services.stacks import load_stack, n_pixels
from pyama_core.processing.workflow.services.types import ProcessingContext


class SegmentationService(BaseProcessingService):
    """Writes ``seg`` (bool) and, where the method gives them, ``seg_instances``."""

    name = "segmentation"
    params_model = SegmentationParams
    after = "copy"
    reads = ("copy",)
    version = 3

    @records_provenance
    def process_fov(
        self,
        metadata: MicroscopyMetadata,
        context: ProcessingContext,
        output_dir: Path,
        fov: int,
    ) -> None:
        """Segment all frames of one FOV.

        Raises
        ------
        FileNotFoundError
            The phase-contrast stack has not been copied.
        ValueError
            The phase-contrast file is not a stack.
        InterruptedError
            The run was cancelled.
        """
        metadata = completed(metadata)
        layout = layout_of(metadata, context, output_dir)
        paths = context.paths(fov)
        phase = load_stack(paths.pc[1] if paths.pc else layout.phase(fov), "phase-contrast stack")
        params = self.params(context)
        doubts = Doubts(params)
        segmented = segment_stack(
            phase, params, missing=metadata.missing_frames.get(fov, ()), fov=fov
        )
        has_instances = self._write(_watched(segmented, doubts), layout, fov, phase)
        context.add_messages(fov, doubts.messages())
        paths.seg = (layout.pc, layout.segmentation(fov))
        paths.seg_instances = (layout.pc, layout.instances(fov)) if has_instances else None
        if not has_instances:
            layout.instances(fov).unlink(missing_ok=True)

    def outputs(self, layout: Layout, fov: int) -> Sequence[Path]:
        """Return the mask and the instances."""
        return [layout.segmentation(fov), layout.instances(fov)]

    def channels_used(self, layout: Layout) -> Sequence[int]:
        """Return the segmented channel."""
        return [layout.pc]

    def files_read(self, params: SegmentationParams) -> Mapping[str, Sequence[Path]]:
        """Return the classifier, the network's weights or the label images."""
        return files_named(params)

    def bytes_written(
        self, layout: Layout, metadata: MicroscopyMetadata, params: SegmentationParams
    ) -> int:
        """Return the size of the mask, and of the instances where there are any."""
        of_instances = np.dtype(np.uint32).itemsize if params.gives_instances else 0
        return n_pixels(metadata) * (np.dtype(np.bool_).itemsize + of_instances)

    def _write(
        self,
        segmented: Iterator[SegmentedFrame],
        layout: Layout,
        fov: int,
        phase: NDArray[Any],
    ) -> bool:
        shape = phase.shape
        instances = None
        with ExitStack() as streams:
            masks = streams.enter_context(
                write_npy_stream(layout.segmentation(fov), shape, np.bool_)
            )
            for t, frame in enumerate(segmented):
                masks.write(frame.mask)
                if frame.instances is not None:
                    if instances is None:
                        instances = streams.enter_context(
                            write_npy_stream(layout.instances(fov), shape, np.uint32)
                        )
                    instances.write(frame.instances.astype(np.uint32, copy=False))
                self.progress_callback(fov, t, shape[0], "segmenting phase contrast")
        return instances is not None


def _watched(segmented: Iterator[SegmentedFrame], doubts: Doubts) -> Iterator[SegmentedFrame]:
    for frame in segmented:
        doubts.look_at(frame)
        yield frame
