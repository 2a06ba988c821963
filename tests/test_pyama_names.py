"""Scripts written for PyAMA find its names, and what they make by hand is taken."""

from pathlib import Path

import numpy as np
import pytest

from pyama_core.errors import InputError
from pyama_core.io import (
    MicroscopyMetadata,
    get_microscopy_channel_stack,
    get_microscopy_frame,
    get_microscopy_time_stack,
    load_microscopy_file,
    open_microscopy,
)
from pyama_core.processing import workflow
from pyama_core.processing.workflow import ProcessingContext, ensure_context, services
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from tests.runs import N_FOVS, N_FRAMES, SIZE, run


def test_the_packages_offer_the_objects_of_the_specification() -> None:
    assert workflow.run_complete_workflow is run_complete_workflow
    assert services.ProcessingContext is workflow.ProcessingContext is ProcessingContext
    assert services.ensure_context is ensure_context
    names = ("Copying", "Segmentation", "Correction", "Tracking", "Extraction")
    for name in names:
        service = getattr(services, f"{name}Service")
        assert issubclass(service, services.BaseProcessingService)


def test_frames_and_stacks_are_those_of_the_file(small_nd2: Path) -> None:
    image, metadata = load_microscopy_file(small_nd2)
    with image, open_microscopy(small_nd2) as source:
        assert metadata.n_fovs == N_FOVS
        frame = source.read_frame(2, 1, 3)
        np.testing.assert_array_equal(get_microscopy_frame(image, 2, 1, 3), frame)
        np.testing.assert_array_equal(get_microscopy_time_stack(image, 2, 1)[3], frame)
        np.testing.assert_array_equal(get_microscopy_channel_stack(image, 2, 3)[1], frame)


def test_metadata_take_the_fields_of_pyama(small_nd2: Path) -> None:
    image, read = load_microscopy_file(small_nd2)
    image.close()
    made = MicroscopyMetadata(
        file_path=small_nd2,
        base_name="small",
        file_type="nd2",
        height=SIZE,
        width=SIZE,
        n_frames=N_FRAMES,
        n_fovs=N_FOVS,
        n_channels=2,
        timepoints=[0.0, 5.0, 10.0, 15.0],
        channel_names=["Phase", "GFP"],
        dtype="uint16",
    )
    assert made.channel_names == read.channel_names == ("Phase", "GFP")
    np.testing.assert_allclose(made.timepoints, read.timepoints)
    assert MicroscopyMetadata(small_nd2, "x", 1, 1, 8, 8, channel_names=["A"]).n_channels == 1


def test_a_context_made_empty_and_filled_later_runs(small_nd2: Path, tmp_path: Path) -> None:
    image, metadata = load_microscopy_file(small_nd2)
    image.close()
    context = ProcessingContext()
    context.output_dir = tmp_path
    context.channels.pc, context.channels.fl = 0, [1]
    assert run(metadata, context, fovs=[0])
    assert context.results_paths[0].traces_csv


def test_fields_of_a_context_that_are_none_are_filled() -> None:
    context = ProcessingContext(params=None, results_paths=None, channels={"pc": 0, "fl": [1]})
    ensured = ensure_context(context)
    assert ensured is context
    assert (ensured.params, ensured.results_paths) == ({}, {})
    assert (ensured.channels.pc, ensured.channels.fl) == (0, [1])
    assert ensure_context(None) == ProcessingContext()


@pytest.mark.parametrize(
    ("context", "said"),
    [
        (ProcessingContext(), "output folder"),
        (ProcessingContext(output_dir=Path("out")), "No channel to segment"),
        (ProcessingContext(channels=[0, 1]), r"Channels are given as \[0, 1\]"),
    ],
)
def test_what_an_empty_context_lacks_is_said(
    metadata: MicroscopyMetadata, context: ProcessingContext, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        run(metadata, context)
