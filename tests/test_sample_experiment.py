"""The sample experiment: the file, and the truth beside it."""

from dataclasses import replace
from pathlib import Path

import nd2
import numpy as np
import pytest

from pyama_core.errors import InputError, ReadError
from pyama_core.io.microscopy import open_microscopy
from pyama_core.sample import (
    CellParams,
    SamplePlan,
    SampleTruth,
    load_truth,
    make_sample,
    render_fov,
    truth_path,
)

LIVELY = CellParams(cycle=7.0, speed=5.0, death_rate=0.02)
PLAN = SamplePlan(n_frames=14, height=144, width=176, n_cells=7, cells=LIVELY)
SIZES = {"n_frames": 14, "height": 144, "width": 176, "n_cells": 7, "cells": LIVELY}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.nd2"
    make_sample(path, **SIZES)
    return path


@pytest.fixture(scope="module")
def truth(sample: Path) -> SampleTruth:
    return load_truth(sample)


def test_same_plan_same_bytes(sample: Path, tmp_path: Path) -> None:
    make_sample(tmp_path / "again.nd2", **SIZES)
    make_sample(tmp_path / "other.nd2", **SIZES, seed=1)
    again, other = (tmp_path / name for name in ("again.nd2", "other.nd2"))
    assert again.read_bytes() == sample.read_bytes()
    assert truth_path(again).read_bytes() == truth_path(sample).read_bytes()
    assert other.read_bytes() != sample.read_bytes()


def test_nd2_gives_back_exactly_what_was_rendered(sample: Path) -> None:
    with nd2.ND2File(sample) as file:
        stored = file.asarray()
        assert dict(file.sizes) == {"T": 14, "P": 2, "C": 3, "Y": 144, "X": 176}
    for fov in range(2):
        rendered = np.stack([snapshot.images for snapshot in render_fov(PLAN, fov)])
        assert np.array_equal(stored[:, fov], rendered)


def test_file_names_channels_positions_scale_and_times(sample: Path, truth: SampleTruth) -> None:
    with open_microscopy(sample) as file:
        metadata = file.metadata
    assert metadata.channel_names == ("Phase", "GFP", "RFP")
    assert [channel.emission_nm for channel in metadata.channels] == [None, 525.0, 610.0]
    assert metadata.fov_names == ("Position 1", "Position 2")
    assert metadata.pixel_size_um == pytest.approx(0.65)
    np.testing.assert_allclose(metadata.frame_times_min, truth.times_min, atol=1e-6)
    assert metadata.warnings == ()


def test_times_jitter_around_the_interval(truth: SampleTruth) -> None:
    steps = np.diff(truth.times_min, axis=1)
    assert steps.std() > 0
    assert np.abs(steps - 10).max() < 0.5
    assert (truth.times_min[1] > truth.times_min[0]).all()


def test_lineage_and_area_fit_the_ids(truth: SampleTruth) -> None:
    for fov, lineage in enumerate(truth.lineage):
        for t, ids in enumerate(truth.ids[:, fov]):
            counted = np.bincount(ids.ravel(), minlength=truth.area.shape[1])
            assert np.array_equal(counted[1:], truth.area[fov, 1:, t])
            present = (lineage.first_frame <= t) & (t <= lineage.last_frame)
            assert np.array_equal(np.unique(ids[ids > 0]), lineage.cell[present])


def test_daughters_begin_after_their_mother_with_her_area(truth: SampleTruth) -> None:
    ratios = []
    for fov, lineage in enumerate(truth.lineage):
        for mother in np.unique(lineage.parent[lineage.parent > 0]):
            last = int(lineage.last_frame[lineage.cell == mother][0])
            daughters = lineage.parent == mother
            assert (lineage.first_frame[daughters] == last + 1).all()
            if daughters.sum() == 2 and not _at_border(truth.ids[last, fov], int(mother)):
                young = truth.area[fov, lineage.cell[daughters], last + 1].sum()
                ratios.append(young / truth.area[fov, mother, last])
    assert len(ratios) >= 2
    assert np.median(ratios) == pytest.approx(1.0, abs=0.12)


def _at_border(ids: np.ndarray, cell: int) -> bool:
    inner = ids[25:-25, 25:-25]
    return bool((inner == cell).sum() < (ids == cell).sum())


def test_cells_enter_leave_and_touch(truth: SampleTruth) -> None:
    lineage = truth.lineage[0]
    assert ((lineage.parent == 0) & (lineage.first_frame > 0)).any()
    gone = ~np.isin(lineage.cell, lineage.parent) & (lineage.last_frame < 13)
    assert gone.any()
    ids = truth.ids
    right, left = ids[..., 1:], ids[..., :-1]
    assert ((right > 0) & (left > 0) & (right != left)).any()


def test_signal_is_the_light_in_the_image_without_background(
    sample: Path, truth: SampleTruth
) -> None:
    with nd2.ND2File(sample) as file:
        images = file.asarray()
    for frame, fov, channel in ((3, 0, 0), (12, 1, 0), (9, 0, 1)):
        image = images[frame, fov, channel + 1] - truth.background(fov, frame, channel)
        lamp = truth.illumination[fov, channel]
        light = (image / lamp).sum() * lamp.mean()
        total = truth.signal[fov, :, frame, channel].sum()
        noise = np.sqrt(images[0].size * 1000.0)
        assert light == pytest.approx(total, abs=4 * noise)


def test_signal_follows_level_and_area(truth: SampleTruth) -> None:
    seen = truth.area > 400
    mean = truth.illumination.mean(axis=(-2, -1))[:, None, None, :]
    per_pixel = truth.signal / np.maximum(truth.area, 1)[..., None] / mean
    ratio = per_pixel[seen] / np.maximum(truth.level[seen], 1e-9)
    bright = truth.level[seen] > 20
    assert np.median(ratio[bright]) == pytest.approx(1.0, abs=0.15)
    assert (truth.signal[truth.area == 0] == 0).all()


def test_background_bleaches_and_vignettes(truth: SampleTruth) -> None:
    first, last = truth.background(0, 0, 0), truth.background(0, 13, 0)
    assert last.mean() < 0.95 * first.mean()
    assert first.min() < 0.85 * first.max()
    assert truth.illumination.max() <= 1.0


def test_noise_is_that_of_a_camera(sample: Path, truth: SampleTruth) -> None:
    with nd2.ND2File(sample) as file:
        image = file.asarray()[0, 0, 1]
    free = truth.ids[0, 0] == 0
    expected = truth.background(0, 0, 0)
    residual = (image - expected) / np.sqrt(expected - truth.camera_offset[0] + 9)
    assert np.median(residual[free]) == pytest.approx(0, abs=0.05)
    spread = np.subtract(*np.percentile(residual[free], [75, 25])) / 1.349
    assert spread == pytest.approx(1, abs=0.1)


def test_a_fov_does_not_depend_on_the_others() -> None:
    alone = next(render_fov(replace(PLAN, n_fovs=1), 0))
    assert np.array_equal(alone.images, next(render_fov(PLAN, 0)).images)


def test_sizes_scale_and_ids_may_be_left_out(tmp_path: Path) -> None:
    truth = make_sample(
        tmp_path / "s.nd2", n_fovs=1, n_frames=2, height=300, width=64, n_cells=3,
        with_ids=False, compress=True,
    )  # fmt: skip
    assert truth.ids.shape == (0, 1, 300, 64)
    assert truth.illumination.shape == (1, 2, 300, 64)
    with nd2.ND2File(tmp_path / "s.nd2") as file:
        assert file.asarray().shape == (2, 3, 300, 64)


@pytest.mark.parametrize("n_cells", [0, 1, 12])
def test_any_number_of_cells(n_cells: int) -> None:
    snapshot = next(render_fov(replace(PLAN, n_cells=n_cells), 0))
    assert len(np.unique(snapshot.ids)) - 1 >= 0.5 * n_cells * (n_cells > 1)


def test_smallest_sample_is_one_frame_of_16_pixels(tmp_path: Path) -> None:
    truth = make_sample(tmp_path / "s.nd2", n_fovs=1, n_frames=1, height=16, width=16)
    assert truth.ids.shape == (1, 1, 16, 16)
    with pytest.raises(InputError, match="15 x 16"):
        make_sample(tmp_path / "t.nd2", height=15, width=16)


def test_colony_mode_shows_the_rods(tmp_path: Path) -> None:
    truth = make_sample(tmp_path / "c.nd2", n_fovs=1, n_frames=12, height=96, width=96, colony=True)
    assert len(np.unique(truth.ids[0])) == 3
    assert truth.lineage[0].n_divisions >= 3


def test_truth_that_is_absent_or_something_else_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="ground truth"):
        load_truth(tmp_path / "a.nd2")
    np.savez(tmp_path / "a_truth.npz", ids=np.zeros(3))
    with pytest.raises(ReadError, match="not the ground truth"):
        load_truth(tmp_path / "a.nd2")


def test_making_can_be_followed_and_cancelled_without_a_trace(tmp_path: Path) -> None:
    def cancel_at_frame_3(_message: str, frame: int) -> None:
        frames.append(frame)
        if frame == 3:
            raise InterruptedError

    frames: list[int] = []
    with pytest.raises(InterruptedError):
        make_sample(tmp_path / "sample.nd2", tick=cancel_at_frame_3, **SIZES)
    assert frames == [0, 0, 1, 1, 2, 2, 3]
    assert not list(tmp_path.iterdir())
