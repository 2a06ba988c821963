"""CorrectionService: the fluorescence background taken out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.io.atomic import atomic_write, write_npy_stream
from pyama_core.io.types import MicroscopyMetadata
from pyama_core.messages import Message, warnings_of
from pyama_core.processing.correction import Background, estimate_backgrounds
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.resolve import completed, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.recorded import records_provenance
from pyama_core.processing.workflow.services.stacks import (
    check_same_shape,
    load_stack,
    n_pixels,
    unseen_frames,
)
from pyama_core.processing.workflow.services.types import ProcessingContext, ResultsPathsPerFOV


class CorrectionService(BaseProcessingService):
    """Writes ``fl_corrected`` (float32) and ``background`` for each fluorescence channel."""

    name = "correction"
    params_model = CorrectionParams
    after = "segmentation"
    reads = ("copy", "segmentation")
    version = 3

    @records_provenance
    def process_fov(
        self,
        metadata: MicroscopyMetadata,
        context: ProcessingContext,
        output_dir: Path,
        fov: int,
    ) -> None:
        """Correct every fluorescence channel of one FOV.

        Raises
        ------
        FileNotFoundError
            Segmentation or raw fluorescence is not there.
        ValueError
            Fluorescence and segmentation do not have the same shape.
        InterruptedError
            The run was cancelled.
        """
        metadata = completed(metadata)
        layout = layout_of(metadata, context, output_dir)
        paths = context.paths(fov)
        masks = load_stack(paths.seg[1] if paths.seg else layout.segmentation(fov), "segmentation")
        channels = {c: _raw_stack(paths, layout, fov, c) for c in layout.fl}
        for channel, frames in channels.items():
            check_same_shape(frames, masks, f"fluorescence of channel {channel}", "segmentation")
        backgrounds = estimate_backgrounds(
            channels,
            masks,
            self.params(context),
            missing=unseen_frames(metadata, paths, layout, fov, masks),
            tick=lambda message, t: self.progress_callback(fov, t, len(masks), message),
        )
        for channel, background in backgrounds.items():
            context.add_messages(fov, _messages(channel, background))
            self._write(channels[channel], background, layout, fov, channel)
        paths.fl_corrected = [(c, layout.corrected(fov, c)) for c in backgrounds]
        paths.background = [(c, layout.background(fov, c)) for c in backgrounds]

    def outputs(self, layout: Layout, fov: int) -> Sequence[Path]:
        """Return corrected stack and background of each channel."""
        return [
            path
            for c in layout.fl
            for path in (layout.corrected(fov, c), layout.background(fov, c))
        ]

    def channels_used(self, layout: Layout) -> Sequence[int]:
        """Return the fluorescence channels."""
        return layout.fl

    def bytes_written(self, layout: Layout, metadata: MicroscopyMetadata, params: Any) -> int:
        """Return the size of the corrected stacks."""
        return n_pixels(metadata) * np.dtype(np.float32).itemsize * len(layout.fl)

    def _write(
        self,
        frames: NDArray[Any],
        background: Background,
        layout: Layout,
        fov: int,
        channel: int,
    ) -> None:
        corrected = np.empty(frames.shape[1:], np.float32)
        with write_npy_stream(layout.corrected(fov, channel), frames.shape, np.float32) as stream:
            for t in range(len(frames)):
                stream.write(background.correct(frames[t], t, out=corrected))
                self.progress_callback(fov, t, len(frames), f"correcting channel {channel}")
        arrays: dict[str, Any] = background.arrays()
        with atomic_write(layout.background(fov, channel)) as partial, partial.open("wb") as file:
            np.savez(file, **arrays)


def _raw_stack(paths: ResultsPathsPerFOV, layout: Layout, fov: int, channel: int) -> NDArray[Any]:
    path = dict(paths.fl).get(channel, layout.fluorescence(fov, channel))
    return load_stack(path, f"fluorescence stack of channel {channel}")


def _messages(channel: int, background: Background) -> list[Message]:
    how = f"{background.method}: {background.reason}" if background.reason else background.method
    of_channel = f"Background of channel {channel}"
    warnings = warnings_of(f"{of_channel}: {note}" for note in background.notes)
    return [Message(f"{of_channel}: {how}"), *warnings]
