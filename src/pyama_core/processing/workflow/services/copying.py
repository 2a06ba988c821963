"""CopyingService: raw frames out of the microscopy file, one NPY stack per channel."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pyama_core.fov_ranges import format_fovs
from pyama_core.io.atomic import NpyStream, write_npy_stream
from pyama_core.io.microscopy import MicroscopyFile, MicroscopyMetadata, open_microscopy
from pyama_core.io.projection import ZRule, read_projected, z_warning
from pyama_core.messages import Message, warnings_of
from pyama_core.processing.workflow.copy_params import CopyParams
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.resolve import completed, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.stacks import n_pixels
from pyama_core.processing.workflow.services.types import ChannelPath, ProcessingContext


class CopyingService(BaseProcessingService):
    """Copies the chosen channels of a FOV in the file's own dtype.

    Parameters
    ----------
    source
        Where frames come from; None opens the file that the metadata name.
    """

    name = "copy"
    params_model = CopyParams

    def __init__(self, source: MicroscopyFile | None = None) -> None:
        super().__init__()
        self._source = source

    def process_fov(
        self,
        metadata: MicroscopyMetadata,
        context: ProcessingContext,
        output_dir: Path,
        fov: int,
    ) -> None:
        """Write ``pc`` and ``fl`` stacks of one FOV.

        Raises
        ------
        InputError
            A channel, the FOV or the z plane is not in the file.
        """
        metadata = completed(metadata)
        layout = layout_of(metadata, context, output_dir)
        context.add_messages(fov, _warnings(metadata, self.params(context), layout, fov))
        phase = (layout.pc, layout.phase(fov))
        fluorescence = [(c, layout.fluorescence(fov, c)) for c in layout.fl]
        if self._source is not None:
            self._copy(self._source, context, [phase, *fluorescence], fov)
        else:
            with open_microscopy(metadata.file_path, read_once=True) as source:
                self._copy(source, context, [phase, *fluorescence], fov)
        paths = context.paths(fov)
        paths.pc, paths.fl = phase, fluorescence

    def outputs(self, layout: Layout, fov: int) -> Sequence[Path]:
        """Return the raw stacks of all channels."""
        return [layout.phase(fov), *(layout.fluorescence(fov, c) for c in layout.fl)]

    def bytes_written(self, layout: Layout, metadata: MicroscopyMetadata, params: Any) -> int:
        """Return the size of the raw stacks."""
        return n_pixels(metadata) * np.dtype(metadata.dtype).itemsize * (1 + len(layout.fl))

    def _copy(
        self,
        source: MicroscopyFile,
        context: ProcessingContext,
        targets: Sequence[ChannelPath],
        fov: int,
    ) -> None:
        sizes = source.metadata
        shape = (sizes.n_frames, sizes.height, sizes.width)
        rules = _z_rules(self.params(context), sizes)
        with ExitStack() as streams:
            writers = [
                (c, streams.enter_context(write_npy_stream(path, shape, sizes.dtype)))
                for c, path in targets
            ]
            for t in range(sizes.n_frames):
                _copy_frame(source, fov, t, writers, rules)
                self.progress_callback(fov, t, sizes.n_frames, "copying frames")


def _warnings(
    metadata: MicroscopyMetadata, params: CopyParams, layout: Layout, fov: int
) -> list[Message]:
    """Return what a user should know of the raw frames: planes nobody chose, missing frames."""
    missing = metadata.missing_frames.get(fov, ())
    absent = [f"The file does not hold frame {format_fovs(missing)}; cells are not measured there."]
    rules = {params.z_of(c, metadata.channel_names) for c in (layout.pc, *layout.fl)}
    planes = [z_warning(metadata, rule) for rule in rules]
    return warnings_of([*(absent if missing else []), *(plane for plane in planes if plane)])


def _z_rules(params: CopyParams, metadata: MicroscopyMetadata) -> list[ZRule]:
    return [params.z_of(c, metadata.channel_names) for c in range(metadata.n_channels)]


def _copy_frame(
    source: MicroscopyFile,
    fov: int,
    t: int,
    writers: Sequence[tuple[int, NpyStream]],
    rules: Sequence[ZRule],
) -> None:
    for rule in dict.fromkeys(rules[c] for c, _ in writers):
        chosen = [(c, writer) for c, writer in writers if rules[c] == rule]
        planes = read_projected(source, fov, t, [c for c, _ in chosen], rule)
        for (_, writer), plane in zip(chosen, planes, strict=True):
            writer.write(plane)
