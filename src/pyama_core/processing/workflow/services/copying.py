"""CopyingService: raw frames out of the microscopy file, one NPY stack per channel."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pyama_core.io.atomic import NpyStream, write_npy_stream
from pyama_core.io.microscopy import open_microscopy
from pyama_core.io.projection import ZRule, project, z_warning
from pyama_core.io.types import MicroscopyFile, MicroscopyMetadata
from pyama_core.messages import warnings_of
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.params import CopyParams
from pyama_core.processing.workflow.resolve import completed, layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.recorded import RecordedPlanes, records_provenance
from pyama_core.processing.workflow.services.stacks import n_pixels
from pyama_core.processing.workflow.services.types import ProcessingContext


class CopyingService(BaseProcessingService):
    """Copies the chosen channels of a FOV in the file's own dtype.

    Parameters
    ----------
    source
        Where frames come from; None opens the file that the metadata name.
    """

    name = "copy"
    params_model = CopyParams
    version = 2

    def __init__(self, source: MicroscopyFile | None = None) -> None:
        super().__init__()
        self._source = source

    @records_provenance
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
        if self._source is not None:
            self._copy(self._source, context, layout, fov)
        else:
            with open_microscopy(metadata.file_path, read_once=True) as source:
                self._copy(source, context, layout, fov)
        paths = context.paths(fov)
        paths.pc = (layout.pc, layout.phase(fov))
        paths.fl = [(c, layout.fluorescence(fov, c)) for c in layout.fl]

    @property
    def source(self) -> MicroscopyFile | None:
        """Where frames come from, None where that is the file that the metadata name."""
        return self._source

    def outputs(self, layout: Layout, fov: int) -> Sequence[Path]:
        """Return the raw stacks of all channels."""
        return [layout.phase(fov), *(layout.fluorescence(fov, c) for c in layout.fl)]

    def bytes_written(self, layout: Layout, metadata: MicroscopyMetadata, params: Any) -> int:
        """Return the size of the raw stacks."""
        return n_pixels(metadata) * np.dtype(metadata.dtype).itemsize * (1 + len(layout.fl))

    def _copy(
        self, source: MicroscopyFile, context: ProcessingContext, layout: Layout, fov: int
    ) -> None:
        sizes = source.metadata
        shape = (sizes.n_frames, sizes.height, sizes.width)
        params = self.params(context)
        # A channel that is segmented and measured is written under both names.
        targets = [(layout.pc, layout.phase(fov))]
        targets += [(c, layout.fluorescence(fov, c)) for c in layout.fl]
        rules = {c: params.z_of(c, sizes.channel_names) for c, _ in targets}
        recorded = RecordedPlanes(sizes, fov, rules, layout.pc)
        with ExitStack() as streams:
            writers = [
                (c, streams.enter_context(write_npy_stream(path, shape, sizes.dtype)))
                for c, path in targets
            ]
            for t in range(sizes.n_frames):
                _copy_frame(source, fov, t, writers, rules, recorded)
                self.progress_callback(fov, t, sizes.n_frames, "copying frames")
        unchosen = [z_warning(sizes, rule) for rule in dict.fromkeys(rules.values())]
        context.add_messages(fov, warnings_of(filter(None, unchosen)))
        context.add_messages(fov, recorded.messages(source))


def _copy_frame(
    source: MicroscopyFile,
    fov: int,
    t: int,
    writers: Sequence[tuple[int, NpyStream]],
    rules: Mapping[int, ZRule],
    recorded: RecordedPlanes,
) -> None:
    for rule in dict.fromkeys(rules.values()):
        chosen = [(c, writer) for c, writer in writers if rules[c] == rule]
        projected = project(source, fov, t, [c for c, _ in chosen], rule)
        for i, (c, writer) in enumerate(chosen):
            writer.write(projected.planes[i])
            recorded.note(t, c, int(projected.n_recorded[i]))
