"""Runs of the workflow on the small movie, in threads: no process has to start."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pyama_core.io import MicroscopyMetadata
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext

SIZE, N_FRAMES, N_FOVS = 96, 4, 3
"""Of the movie of the fixture ``small_nd2``."""


def small_metadata(path: Path) -> MicroscopyMetadata:
    """What a user has to state of the movie."""
    return MicroscopyMetadata(
        file_path=path,
        base_name="small",
        n_fovs=N_FOVS,
        n_frames=N_FRAMES,
        height=SIZE,
        width=SIZE,
    )


def context_for(folder: Path, **params: Any) -> ProcessingContext:
    """Phase contrast and one fluorescence channel into a folder."""
    return ProcessingContext(output_dir=folder, channels=Channels(pc=0, fl=[1]), params=params)


def run(metadata: MicroscopyMetadata, context: ProcessingContext, **options: Any) -> bool:
    """Run the whole workflow in two threads."""
    with ThreadPoolExecutor(2) as executor:
        return run_complete_workflow(metadata, context, executor=executor, **options)
