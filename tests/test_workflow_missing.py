"""What a run makes of planes that were not recorded, and of corrected stacks that are gone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pyama_core.io import open_microscopy
from pyama_core.io.samples import Sample, merge_samples
from pyama_core.io.tables import read_table
from pyama_core.planes import is_recorded, nothing_recorded
from pyama_core.processing.workflow.services.copying import CopyingService
from pyama_core.processing.workflow.services.steps.correction import CorrectionService
from pyama_core.processing.workflow.services.steps.extraction import ExtractionService
from pyama_core.processing.workflow.services.steps.segmentation import SegmentationService
from pyama_core.processing.workflow.services.steps.tracking import TrackingService
from pyama_core.processing.workflow.services.types import ProcessingContext
from tests.reference.nd2_files import layout, write_frames
from tests.runs import context_for, run
from tests.scenes import CHANNELS, scene_frame

SIZE, N_FRAMES = 96, 12
BEFORE_EXTRACTION = (CopyingService, SegmentationService, CorrectionService, TrackingService)
STEPS = (*BEFORE_EXTRACTION, ExtractionService)
Spoil = Callable[[NDArray[Any]], None]


def written(
    path: Path,
    spoil: Spoil = lambda frames: None,
    missing: tuple[int, ...] = (),
    n_z: int = 1,
    dtype: str = "uint16",
) -> Path:
    """Write the scene of one FOV, ``(T, Z, C, H, W)`` spoiled, without some of its frames."""
    frames = np.stack([[scene_frame(0, t, SIZE)] * n_z for t in range(N_FRAMES)])
    frames = (frames // 64 if dtype == "uint8" else frames).astype(dtype)
    spoil(frames)
    loops = layout(n_fovs=1, n_frames=N_FRAMES, n_z=n_z)
    absent = tuple((0, t, z) for t in missing for z in range(n_z))
    return write_frames(path / "movie.nd2", frames[None], loops, channels=CHANNELS, missing=absent)


def processed(path: Path, folder: Path, steps: Any = STEPS, **params: Any) -> ProcessingContext:
    """Process the FOV by services called by hand."""
    with open_microscopy(path) as file:
        metadata = file.metadata
    context = context_for(folder, **params)
    for step in steps:
        step().process_fov(metadata, context, folder, 0)
    return context


def table_of(context: ProcessingContext) -> dict[str, NDArray[Any]]:
    return read_table(context.results_paths[0].traces_csv[0][1])


def said(context: ProcessingContext, what: str) -> list[str]:
    return [str(m) for m in context.messages[0] if what in str(m) and m.weight != "info"]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_fluorescence_of_every_third_frame_is_measured_there_and_only_there(
    tmp_path: Path, dtype: str
) -> None:
    def spoil(frames: NDArray[Any]) -> None:
        between = np.arange(N_FRAMES) % 3 > 0
        frames[between, :, 1] = nothing_recorded((SIZE, SIZE), frames.dtype)

    context = processed(written(tmp_path, spoil, dtype=dtype), tmp_path / "out")
    table = table_of(context)
    np.testing.assert_array_equal(np.isnan(table["intensity_total"]), table["frame"] % 3 > 0)
    assert table["good"].all()
    assert table["intensity_total"][0] > 0
    assert said(context, "Not recorded") == [
        "Not recorded in channel 1 (GFP): every frame but 0, 3, 6, 9 (no frame in the file, or "
        "every pixel 0 or NaN); intensities are empty."
    ]
    corrected = np.load(context.results_paths[0].fl_corrected[0][1])
    assert [is_recorded(frame) for frame in corrected] == [t % 3 == 0 for t in range(N_FRAMES)]


def test_what_was_measured_is_as_without_the_frames_between(tmp_path: Path) -> None:
    def without(frames: NDArray[Any]) -> None:
        frames[[1, 5], :, 1] = 0

    (tmp_path / "whole").mkdir()
    params = {"correction": {"method": "tiles", "temporal_window": 1}}
    sparse = table_of(processed(written(tmp_path, without), tmp_path / "a", **params))
    whole = table_of(processed(written(tmp_path / "whole"), tmp_path / "b", **params))
    known = ~np.isnan(sparse["intensity_total"])
    np.testing.assert_array_equal(known, ~np.isin(sparse["frame"], [1, 5]))
    for name in ("intensity_total", "area", "position_x"):
        np.testing.assert_array_equal(sparse[name][known], whole[name][known])


@pytest.mark.parametrize("in_file", [True, False])
def test_a_movie_that_was_stopped_early_is_judged_by_the_frames_it_has(
    tmp_path: Path, in_file: bool
) -> None:
    def spoil(frames: NDArray[Any]) -> None:
        frames[4:] = 0

    path = written(tmp_path, spoil, missing=() if in_file else tuple(range(4, N_FRAMES)))
    context = processed(path, tmp_path / "out", segmentation={"min_size": 50})
    table = table_of(context)
    assert set(table["frame"]) == {0, 1, 2, 3}
    assert table["good"].all()
    assert not said(context, "shorter than")


def test_frames_without_phase_have_no_rows_and_no_background(tmp_path: Path) -> None:
    def spoil(frames: NDArray[Any]) -> None:
        frames[1::2, :, 0] = 0

    context = processed(written(tmp_path, spoil), tmp_path / "out", tracking={"max_gap": 0})
    table = table_of(context)
    assert set(table["frame"]) == set(range(0, N_FRAMES, 2))
    assert len(set(table["cell"])) == 2
    assert table["good"].all()
    corrected = np.load(context.results_paths[0].fl_corrected[0][1])
    assert [is_recorded(frame) for frame in corrected] == [t % 2 == 0 for t in range(N_FRAMES)]
    (message,) = said(context, "Not recorded in channel 0 (Phase): frames 1, 3, 5, ..., 11 (no")
    assert "no cells are segmented there" in message


def test_a_plane_without_data_where_others_have_some_is_said(tmp_path: Path) -> None:
    def spoil(frames: NDArray[Any]) -> None:
        frames[:, 1:, 1] = 0

    path = written(tmp_path, spoil, n_z=3)
    context = processed(path, tmp_path / "middle")
    (message,) = said(context, "Not recorded")
    assert "channel 1 (GFP): all frames" in message
    assert "other z planes hold data there (0), but plane 1 is used: choose with copy.z" in message
    assert np.isnan(table_of(context)["intensity_total"]).all()
    projected = processed(path, tmp_path / "mean", copy={"z": {"Phase": 1, "GFP": "mean"}})
    assert not said(projected, "Not recorded")
    partial = "1 of 3 z planes were recorded in all frames: the mean is over these."
    assert any(partial in str(message) for message in projected.messages[0])
    first = processed(path, tmp_path / "first", copy={"z": {"Phase": 1, "GFP": 0}})
    np.testing.assert_array_equal(
        table_of(projected)["intensity_total"], table_of(first)["intensity_total"]
    )


def test_samples_of_sparse_channels_are_merged_with_gaps(tmp_path: Path) -> None:
    def spoil(frames: NDArray[Any]) -> None:
        frames[1::2, :, 1] = 0

    path = written(tmp_path, spoil)
    with open_microscopy(path) as file:
        assert run(file.metadata, context_for(tmp_path / "out"), n_workers=1)
    merged = merge_samples(tmp_path / "out", [Sample("A", "0")], tmp_path)
    assert merged.paths
    tidy = (tmp_path / "A_intensity_total_ch_1_tidy.csv").read_text()
    assert "nan" not in tidy
    assert tidy.count(",\n") == 2 * N_FRAMES // 2


def test_a_channel_that_was_never_recorded_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    def spoil(frames: NDArray[Any]) -> None:
        frames[:, :, 1] = 0

    context = processed(written(tmp_path, spoil), tmp_path / "out")
    table = table_of(context)
    assert len(table["cell"]) == 2 * N_FRAMES
    assert np.isnan(table["intensity_total"]).all()
    assert set(table["reason"]) == {"no intensity recorded"}


def test_a_movie_without_any_frame_is_processed_and_said_to_be_empty(tmp_path: Path) -> None:
    def spoil(frames: NDArray[Any]) -> None:
        frames[...] = 0

    context = processed(written(tmp_path, spoil), tmp_path / "out")
    assert not len(table_of(context)["cell"])
    assert said(context, "Not recorded in channel 0 (Phase): all frames")


def test_raw_intensities_are_said_to_be_raw_in_a_message_and_in_the_table(tmp_path: Path) -> None:
    steps = [step for step in STEPS if step is not CorrectionService]
    context = processed(written(tmp_path), tmp_path / "out", steps)
    table = table_of(context)
    assert list(table)[-2:] == ["corrected", "reason"]
    assert not table["corrected"].any()
    assert said(context, "Channel 1 was not corrected: its intensities are those of raw pixels")
    corrected = processed(written(tmp_path), tmp_path / "corrected")
    assert "corrected" not in table_of(corrected)
    assert not said(corrected, "not corrected")


def test_a_corrected_stack_that_is_gone_is_made_again_from_its_background(tmp_path: Path) -> None:
    context = processed(written(tmp_path), tmp_path / "out")
    before = table_of(context)
    context.results_paths[0].fl_corrected[0][1].unlink()
    with open_microscopy(tmp_path / "movie.nd2") as file:
        ExtractionService().process_fov(file.metadata, context, tmp_path / "out", 0)
    after = table_of(context)
    assert list(after) == list(before)
    for name in before:
        np.testing.assert_array_equal(after[name], before[name])
    assert "corrected again" in str(context.messages[0])


def test_a_background_that_is_damaged_is_not_used(tmp_path: Path) -> None:
    context = processed(written(tmp_path), tmp_path / "out", BEFORE_EXTRACTION)
    context.results_paths[0].fl_corrected[0][1].unlink()
    background = context.results_paths[0].background[0][1]
    background.write_bytes(background.read_bytes()[:200])
    with open_microscopy(tmp_path / "movie.nd2") as file:
        ExtractionService().process_fov(file.metadata, context, tmp_path / "out", 0)
    assert not table_of(context)["corrected"].any()


def test_without_raw_frames_saturated_pixels_are_not_counted(tmp_path: Path) -> None:
    context = processed(written(tmp_path), tmp_path / "out", BEFORE_EXTRACTION)
    context.results_paths[0].fl[0][1].unlink()
    with open_microscopy(tmp_path / "movie.nd2") as file:
        ExtractionService().process_fov(file.metadata, context, tmp_path / "out", 0)
    assert np.isnan(table_of(context)["saturated_pixels"]).all()
    assert said(context, "saturated pixels are not counted")


@pytest.mark.parametrize("keep", ["all", "results"])
def test_a_run_makes_a_corrected_stack_again_before_it_measures(tmp_path: Path, keep: Any) -> None:
    path = written(tmp_path)
    with open_microscopy(path) as file:
        metadata = file.metadata
    assert run(metadata, context_for(tmp_path / "out"), n_workers=1, keep=keep)
    for stack in (tmp_path / "out" / "fov_000").glob("*fl_corrected*.npy"):
        stack.unlink()
    changed = {"extraction": {"features": ["intensity_mean"]}}
    assert run(metadata, context_for(tmp_path / "out", **changed), n_workers=1, keep=keep)
    assert run(metadata, context_for(tmp_path / "fresh", **changed), n_workers=1)
    name = "fov_000/movie_fov_000_traces_ch_1.csv"
    again, fresh = (tmp_path / "out" / name).read_text(), (tmp_path / "fresh" / name).read_text()
    assert again == fresh
    assert "corrected" not in again.splitlines()[0]


def test_saturated_pixels_are_counted_in_what_the_file_holds(tmp_path: Path) -> None:
    def spoil(frames: NDArray[Any]) -> None:
        frames[..., 1, :, :] *= 20
        np.minimum(frames, 16383, out=frames)

    context = processed(written(tmp_path, spoil), tmp_path / "out")
    table = table_of(context)
    raw = np.load(context.results_paths[0].fl[0][1])
    cells = np.load(context.results_paths[0].seg_labeled[1])
    expected = [
        (raw[t][cells[t] == cell] == 16383).sum()
        for cell, t in zip(table["cell"], table["frame"], strict=True)
    ]
    np.testing.assert_array_equal(table["saturated_pixels"], expected)
    assert sum(expected) > 0
    assert not table["good"].any()
    assert said(context, "saturated, at 16383 counts")
