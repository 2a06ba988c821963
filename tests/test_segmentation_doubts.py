"""Cells in one piece, and no cells: the user is told, with the share and what to do."""

import numpy as np
import pytest

from pyama_core.io import MicroscopyMetadata, open_microscopy
from pyama_core.processing.segmentation import (
    Doubts,
    SegmentationParams,
    SegmentedFrame,
    segment_stack,
)
from pyama_core.processing.workflow.services.copying import CopyingService
from pyama_core.processing.workflow.services.steps.segmentation import SegmentationService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext

EMPTY = np.zeros((40, 50), np.bool_)


def sheet(share):
    mask = EMPTY.copy()
    mask[: round(share * len(mask))] = True
    return mask


def warnings(masks, params=None, instances=None):
    doubts = Doubts(params or SegmentationParams())
    for mask in masks:
        doubts.look_at(SegmentedFrame(mask, instances))
    said = doubts.messages()
    assert all(message.weight == "warning" for message in said)
    return [message.text for message in said]


def test_cells_in_one_piece_are_told_with_their_share_and_what_to_do():
    (warning,) = warnings([sheet(0.4), sheet(0.5), sheet(0.9)])
    assert warning.startswith("One piece covers 50 % of the frame")
    assert "segmentation.split to intensity" in warning and "trained" in warning


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_piece_of_moderate_size_is_not_doubted(share):
    assert warnings([sheet(share)]) == []


def test_cells_that_cover_most_of_the_frame_apart_are_not_doubted():
    apart = sheet(0.9)
    apart[:, ::10] = False
    assert warnings([apart]) == []


def test_instances_that_touch_are_not_one_piece():
    mask = sheet(0.9)
    halves = np.where(np.arange(mask.shape[1]) < 25, 1, 2).astype(np.uint16)
    quarters = (halves + 2 * (np.arange(40) < 18)[:, None]) * mask
    assert warnings([mask], instances=quarters) == []
    assert len(warnings([mask], instances=halves * mask)) == 1


def test_some_frames_in_one_piece_and_some_without_cells_are_no_doubt():
    assert warnings([sheet(0.2), sheet(0.2), sheet(0.9), EMPTY, EMPTY]) == []


@pytest.mark.parametrize(
    ("params", "advice"),
    [
        (SegmentationParams(split="intensity"), "teach the method trained"),
        (SegmentationParams(method="trained"), "draw more strokes"),
    ],
)
def test_what_is_in_use_already_is_not_advised(params, advice):
    (warning,) = warnings([sheet(0.5)], params)
    assert advice in warning and "segmentation.split" not in warning


@pytest.mark.parametrize(
    ("params", "advice"),
    [
        (SegmentationParams(), "segmentation.sigmas"),
        (SegmentationParams(method="trained"), "segmentation.trained_probability"),
        (SegmentationParams(method="of a plugin"), "another segmentation.method"),
        (SegmentationParams(min_size=500), "segmentation.min_size"),
    ],
)
def test_finding_no_cell_is_told_with_what_to_try(params, advice):
    (warning,) = warnings([EMPTY, EMPTY], params)
    assert warning.startswith("No cell is found in any frame") and advice in warning


@pytest.mark.parametrize(("min_size", "said"), [(0, ""), (9000, "No cell is found in any frame")])
def test_the_service_records_its_warnings(small_nd2, tmp_path, min_size, said):
    metadata = MicroscopyMetadata(small_nd2, "own", n_fovs=3, n_frames=4, height=96, width=96)
    params = {"segmentation": {"min_size": min_size}}
    context = ProcessingContext(tmp_path, Channels(pc=0, fl=[]), params=params)
    service = SegmentationService()
    for step in (CopyingService(), service):
        step.process_fov(metadata, context, tmp_path, 0)
    assert " ".join(map(str, context.messages.get(0, [])))[: len(said) or None] == said


@pytest.mark.parametrize(("fov", "n_warnings"), [(0, 1), (1, 0)])
def test_of_the_two_fovs_of_t98g_the_confluent_one_is_doubted(shared_data, fov, n_warnings):
    params = SegmentationParams()
    doubts = Doubts(params)
    with open_microscopy(shared_data / "nd2" / "t98g_t37p2c2.nd2") as file:
        movie = np.stack([file.read_frame(fov, 0, t) for t in (0, 18, 36)])
    for frame in segment_stack(movie, params):
        doubts.look_at(frame)
    assert len(doubts.messages()) == n_warnings
