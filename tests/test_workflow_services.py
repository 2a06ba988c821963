"""The five services on their own, as the specification describes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyama_core.errors import InputError
from pyama_core.io import MicroscopyMetadata
from pyama_core.io.tables import read_table
from pyama_core.processing.workflow.planning import prepare_run
from pyama_core.processing.workflow.resolve import completed
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.copying import CopyingService
from pyama_core.processing.workflow.services.steps.correction import CorrectionService
from pyama_core.processing.workflow.services.steps.extraction import ExtractionService
from pyama_core.processing.workflow.services.steps.segmentation import SegmentationService
from pyama_core.processing.workflow.services.steps.tracking import TrackingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from tests.scenes import MINUTES_PER_FRAME

STEPS = (CopyingService, SegmentationService, CorrectionService, TrackingService, ExtractionService)


@pytest.fixture
def metadata(small_nd2: Path) -> MicroscopyMetadata:
    return MicroscopyMetadata(small_nd2, "own", n_fovs=3, n_frames=4, height=96, width=96)


@pytest.fixture
def context(tmp_path: Path) -> ProcessingContext:
    return ProcessingContext(tmp_path, Channels(pc=0, fl=[1]))


def test_the_base_class_reports_progress_as_one_dict() -> None:
    service, events = BaseProcessingService(), []
    assert service.name == "Processing"
    service.set_progress_reporter(events.append)
    service.progress_callback(2, 3, 10, "halfway")
    assert events == [{"step": "Processing", "fov": 2, "t": 3, "T": 10, "message": "halfway"}]


def test_the_base_class_processes_nothing_itself(
    metadata: MicroscopyMetadata, context: ProcessingContext, tmp_path: Path
) -> None:
    with pytest.raises(NotImplementedError, match="process_fov"):
        BaseProcessingService().process_fov(metadata, context, tmp_path, 0)


def test_services_one_after_the_other_lead_from_file_to_traces(
    metadata: MicroscopyMetadata, context: ProcessingContext, tmp_path: Path
) -> None:
    for step in STEPS:
        step().process_all_fovs(metadata, context, tmp_path, 1, 2)
    assert sorted(context.results_paths) == [1, 2]
    table = read_table(context.results_paths[1].traces_csv[0][1])
    np.testing.assert_allclose(np.unique(table["time"]), np.arange(4) * MINUTES_PER_FRAME)


@pytest.mark.parametrize("split", ["none", "distance"])
def test_the_room_a_run_asks_for_is_what_its_stacks_take(
    metadata: MicroscopyMetadata, context: ProcessingContext, tmp_path: Path, split: str
) -> None:
    context.params = {"segmentation": {"split": split}}
    run = prepare_run(completed(metadata), context, [0])
    for service in run.services:
        service.process_fov(run.metadata, context, tmp_path, 0)
    stacks = [np.load(path, mmap_mode="r") for path in tmp_path.glob("fov_*/*.npy")]
    assert run.bytes_needed == sum(stack.nbytes for stack in stacks)


def test_a_fresh_context_finds_earlier_outputs_by_their_names(
    metadata: MicroscopyMetadata, context: ProcessingContext, tmp_path: Path
) -> None:
    for step in STEPS:
        fresh = ProcessingContext(tmp_path, Channels(pc=0, fl=[1]))
        step().process_fov(metadata, fresh, tmp_path, 0)
    assert fresh.results_paths[0].traces_csv


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_step_without_its_input_says_what_is_missing(
    step: Any, metadata: MicroscopyMetadata, context: ProcessingContext, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match="run the step that writes it first"):
        step().process_fov(metadata, context, tmp_path, 0)


def test_a_phase_file_that_is_no_stack_is_refused(
    metadata: MicroscopyMetadata, context: ProcessingContext, tmp_path: Path
) -> None:
    CopyingService().process_fov(metadata, context, tmp_path, 0)
    phase = context.results_paths[0].pc
    assert phase
    np.save(phase[1], np.zeros((3, 3)))
    with pytest.raises(ValueError, match="Unexpected dimensions"):
        SegmentationService().process_fov(metadata, context, tmp_path, 0)


def test_fluorescence_and_segmentation_of_different_shape_are_refused(
    metadata: MicroscopyMetadata, context: ProcessingContext, tmp_path: Path
) -> None:
    CopyingService().process_fov(metadata, context, tmp_path, 0)
    SegmentationService().process_fov(metadata, context, tmp_path, 0)
    segmentation = context.results_paths[0].seg
    assert segmentation
    np.save(segmentation[1], np.zeros((4, 10, 10), bool))
    with pytest.raises(ValueError, match="Dimension mismatch"):
        CorrectionService().process_fov(metadata, context, tmp_path, 0)


@pytest.mark.parametrize("step", STEPS)
def test_a_reporter_that_interrupts_stops_the_step_without_a_trace(
    step: Any, metadata: MicroscopyMetadata, context: ProcessingContext, tmp_path: Path
) -> None:
    for earlier in STEPS[: STEPS.index(step)]:
        earlier().process_fov(metadata, context, tmp_path, 0)
    before = set(tmp_path.rglob("*"))

    def interrupt(event: Any) -> None:
        raise InterruptedError("stop")

    service = step()
    service.set_progress_reporter(interrupt)
    with pytest.raises(InterruptedError):
        service.process_fov(metadata, context, tmp_path, 0)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} <= before


@pytest.mark.parametrize(("start", "end"), [(-2, 1), (0, 3), (2, 1)])
def test_a_range_outside_the_file_is_refused(
    metadata: MicroscopyMetadata, context: ProcessingContext, tmp_path: Path, start: int, end: int
) -> None:
    with pytest.raises(InputError, match="FOVs 0 to 2"):
        CopyingService().process_all_fovs(metadata, context, tmp_path, start, end)
