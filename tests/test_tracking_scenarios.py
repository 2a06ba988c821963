"""One invariant per scene: what must become of tracks when cells do this or the data do that."""

import numpy as np
import pytest
from scipy import ndimage

from pyama_core.errors import InputError
from pyama_core.processing.tracking import TrackingParams, track_stack
from tests.reference.tracking import discs, ids_at

PARAMS = TrackingParams()
BOTH_INPUTS = pytest.mark.parametrize("masks", [True, False], ids=["masks", "instances"])


def given(truth, masks):
    return truth > 0 if masks else truth


def two_still_and(mover):
    """A scene of two resting cells and one that `mover` places: a disc, or None, per frame."""
    still = {1: (20.0, 20.0, 8.0), 2: (75.0, 25.0, 9.0)}
    return discs([still | ({3: disc} if disc else {}) for disc in mover])


@BOTH_INPUTS
def test_a_moving_cell_keeps_its_id(masks):
    truth = two_still_and([(50, 40 + 5 * t, 8) for t in range(8)])
    tracking = track_stack(given(truth, masks), PARAMS)
    assert len(tracking.lineage) == 3
    assert len(set(ids_at(tracking, truth, 3))) == 1


@BOTH_INPUTS
def test_cells_after_an_empty_first_frame_are_tracked(masks):
    truth = two_still_and([(50, 60, 8)] * 4)
    truth[0] = 0
    lineage = track_stack(given(truth, masks), PARAMS).lineage
    assert lineage.first_frame.tolist() == [1, 1, 1]
    assert lineage.last_frame.tolist() == [3, 3, 3]


@BOTH_INPUTS
def test_a_cell_unseen_in_one_frame_keeps_its_id(masks):
    truth = two_still_and([(50, 40 + 4 * t, 8) if t != 3 else None for t in range(7)])
    ids = ids_at(track_stack(given(truth, masks), PARAMS), truth, 3)
    assert ids[3] == 0 and len(set(ids)) == 2


def test_a_longer_gap_than_allowed_ends_the_track():
    truth = two_still_and([(50, 60, 8) if t not in (3, 4) else None for t in range(8)])
    assert len(track_stack(truth > 0, PARAMS).lineage) == 4
    assert len(track_stack(truth > 0, TrackingParams(max_gap=2)).lineage) == 3


@BOTH_INPUTS
def test_missing_frames_do_not_count_as_gaps(masks):
    truth = two_still_and([(50, 40 + 3 * t, 8) for t in range(9)])
    stack = given(truth, masks).copy()
    stack[3:6] = 0
    tracking = track_stack(stack, TrackingParams(max_gap=0), missing=[3, 4, 5])
    assert len(tracking.lineage) == 3
    assert all(not labels.any() for labels in list(tracking)[3:6])


@BOTH_INPUTS
def test_a_newborn_gets_a_track_of_its_own(masks):
    truth = two_still_and([None, None, (50, 60, 8), (50, 62, 8)])
    lineage = track_stack(given(truth, masks), PARAMS).lineage
    assert lineage.first_frame.tolist() == [0, 0, 2]
    assert lineage.began.tolist() == ["start", "start", "appeared"]


@BOTH_INPUTS
def test_a_division_ends_the_mother_and_begins_two_daughters(masks):
    still = {1: (20.0, 20.0, 8.0)}
    before = [still | {2: (50.0, 70.0, 12.0)}] * 3
    after = [
        still | {3: (50.0, 60.0 - d, 8.5), 4: (50.0, 80.0 + d, 8.5)} for d in (0.0, 2.0, 4.0, 6.0)
    ]
    lineage = track_stack(given(discs(before + after), masks), PARAMS).lineage
    mother = 2
    assert lineage.parent.tolist() == [0, 0, mother, mother]
    assert lineage.last_frame[mother - 1] == 2
    assert lineage.first_frame[2:].tolist() == [3, 3]
    assert lineage.ended[mother - 1] == "division"
    assert lineage.began[2:].tolist() == ["division", "division"]


def test_a_fragment_that_does_not_last_is_no_daughter():
    truth = discs([{1: (50, 50, 10)}] * 6)
    truth[3][:, 50:51] = 0
    lineage = track_stack(truth > 0, PARAMS).lineage
    assert lineage.parent.tolist() == [0]


@BOTH_INPUTS
def test_cells_that_touch_for_a_while_keep_their_ids(masks):
    frames = []
    for t in range(11):
        apart = abs(t - 5) * 4 + 13
        frames.append({1: (40.0, 60.0 - apart / 2, 8.0), 2: (42.0, 60.0 + apart / 2, 6.5)})
    truth = discs(frames)
    tracking = track_stack(given(truth, masks), PARAMS)
    assert len(tracking.lineage) == 2
    for cell in (1, 2):
        assert len(set(ids_at(tracking, truth, cell))) == 1
    assert all(set(np.unique(labels)) == {0, 1, 2} for labels in tracking)


def test_touching_cells_that_never_part_become_one():
    frames = [{1: (40, 45 + 2 * min(t, 7), 9), 2: (40, 72, 6)} for t in range(10)]
    lineage = track_stack(discs(frames) > 0, PARAMS).lineage
    assert sorted(lineage.ended.tolist()) == ["end", "merged"]


def test_cells_that_part_after_touching_too_long_are_no_daughters():
    frames = [{1: (40, 50, 9), 2: (40, 66 + 8 * (t < 2 or t > 6), 7)} for t in range(10)]
    lineage = track_stack(discs(frames) > 0, TrackingParams(max_touch=3)).lineage
    assert not lineage.parent.any()
    assert "parted" in lineage.began.tolist()


@BOTH_INPUTS
def test_a_stage_jump_breaks_no_track(masks):
    rng = np.random.default_rng(5)
    places = [(y, x) for y in (40, 70, 100) for x in (40, 70, 100, 130)]
    cells = {k + 1: (*(np.array(p) + rng.uniform(-8, 8, 2)), 7.0) for k, p in enumerate(places)}
    moved = {k: (y + 24, x - 17, r) for k, (y, x, r) in cells.items()}
    truth = discs([cells] * 3 + [moved] * 3, (160, 170))
    tracking = track_stack(given(truth, masks), PARAMS)
    assert len(tracking.lineage) == len(cells)
    assert tracking.drift[3] == pytest.approx([24, -17], abs=1)


def test_drift_comes_from_the_phase_channel_where_there_is_one():
    rng = np.random.default_rng(0)
    phase = rng.integers(0, 4000, (200, 200)).astype(np.uint16)
    movie = np.stack([phase[20:148, 20:148], phase[8:136, 27:155]])
    tracking = track_stack(np.zeros((2, 128, 128), bool), PARAMS, phase=movie)
    assert tracking.drift[1] == pytest.approx([12, -7], abs=0.2)
    assert any("12" in message.text for message in tracking.messages)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pixels_that_are_not_finite_hide_no_drift(bad):
    field = np.random.default_rng(0).normal(1000, 300, (200, 200)).astype(np.float32)
    movie = np.stack([field[20:148, 20:148], np.full((128, 128), bad), field[8:136, 27:155]])
    movie[0, 60, 60:64] = bad
    cell = np.zeros((3, 128, 128), bool)
    cell[0, 40:50, 60:70] = cell[2, 52:62, 53:63] = True
    tracking = track_stack(cell, PARAMS, phase=movie, missing=[1])
    assert tracking.drift[2] == pytest.approx([12, -7], abs=0.3)
    assert len(tracking.lineage) == 1
    unread = track_stack(cell, PARAMS, phase=movie)
    assert np.isfinite(unread.drift).all()


@pytest.mark.parametrize("shape", [(16, 16), (16, 4096), (1000, 16), (33, 47)])
def test_drift_is_measured_on_frames_of_any_shape(shape):
    phase = np.random.default_rng(0).integers(0, 4000, (2, *shape)).astype(np.uint16)
    tracking = track_stack(np.zeros((2, *shape), bool), PARAMS, phase=phase)
    assert np.isfinite(tracking.drift).all()


def test_uneven_illumination_hides_no_drift():
    rng = np.random.default_rng(0)
    field = 100 + ndimage.gaussian_filter(rng.normal(0, 100, (300, 300)), 2)
    light = 1 - 0.8 * np.hypot(*np.meshgrid(np.linspace(-1, 1, 256), np.linspace(-1, 1, 256))) / 2
    movie = np.stack([field[20:276, 20:276], field[11:267, 24:280]]) * light
    tracking = track_stack(np.zeros((2, 256, 256), bool), PARAMS, phase=movie)
    assert tracking.drift[1] == pytest.approx([9, -4], abs=0.5)


def test_drift_is_left_alone_when_told_so():
    truth = discs([{1: (30, 30, 8), 2: (60, 90, 9), 3: (20, 80, 7)}] * 2)
    truth[1] = np.roll(truth[1], 9, axis=1)
    tracking = track_stack(truth, TrackingParams(correct_drift=False))
    assert not tracking.drift.any()


def test_border_cells_enter_and_leave():
    truth = discs([{1: (50, 20 - 6 * t, 8), 2: (50, 142 - 8 * t, 8)} for t in range(6)])
    lineage = track_stack(truth > 0, PARAMS).lineage
    assert lineage.ended.tolist() == ["left", "end"]
    assert lineage.began.tolist() == ["start", "entered"]


def test_more_than_65535_cells_need_uint32():
    frame = np.zeros((532, 532), bool)
    frame[::2, ::2] = True
    stack = np.stack([frame, np.zeros_like(frame)])
    tracking = track_stack(stack, TrackingParams(max_gap=0))
    labels = next(iter(tracking))
    assert labels.dtype == np.uint32
    assert labels.max() == frame.sum() == 70756


@pytest.mark.parametrize("shape", [(0, 16, 16), (1, 16, 16), (4, 17, 33)])
def test_no_cells_are_no_tracks(shape):
    tracking = track_stack(np.zeros(shape, bool), PARAMS)
    assert len(tracking.lineage) == 0
    assert [labels.shape for labels in tracking] == [shape[1:]] * shape[0]


def test_a_frame_that_is_all_cell_is_one_cell():
    tracking = track_stack(np.ones((3, 20, 20), bool), PARAMS)
    assert all((labels == 1).all() for labels in tracking)


def test_all_frames_missing_is_no_error():
    tracking = track_stack(np.ones((2, 16, 16), bool), PARAMS, missing=[0, 1])
    assert len(tracking.lineage) == 0
    assert [labels.any() for labels in tracking] == [False, False]


def test_progress_is_told_for_every_frame_and_may_cancel():
    def cancel(message, frame):
        if frame == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        track_stack(np.zeros((5, 16, 16), bool), PARAMS, tick=cancel)


def test_a_daughter_unseen_at_first_has_a_mother():
    mother = [{1: (50.0, 60.0, 12.0)}] * 3
    one = [{2: (50.0, 48.0, 8.5)}]
    both = [{2: (50.0, 46.0, 8.5), 3: (50.0, 74.0, 8.5)}] * 4
    lineage = track_stack(discs(mother + one + both), PARAMS).lineage
    assert lineage.parent.tolist() == [0, 1, 1]
    assert lineage.first_frame.tolist() == [0, 3, 4]


def test_a_mother_unseen_before_dividing_keeps_her_daughters():
    mother = [{1: (50.0, 60.0, 12.0)}] * 3
    both = [{2: (50.0, 48.0, 8.5), 3: (50.0, 72.0, 8.5)}] * 4
    lineage = track_stack(discs([*mother, {}, *both]), PARAMS).lineage
    assert lineage.parent.tolist() == [0, 1, 1]
    assert lineage.last_frame[0] == 2


def test_a_cell_that_appears_beside_another_is_no_daughter():
    frames = [{1: (50.0, 60.0, 12.0)} | ({2: (50.0, 86.0, 9.0)} if t > 2 else {}) for t in range(7)]
    assert not track_stack(discs(frames), PARAMS).lineage.parent.any()


@pytest.mark.parametrize(
    ("segmented", "phase", "said"),
    [
        (np.zeros((16, 16), bool), None, r"shape \(16, 16\)"),
        (np.zeros((2, 16, 16)), None, "float64"),
        (np.zeros((2, 16, 16), bool), np.zeros((3, 16, 16)), r"\(3, 16, 16\)"),
    ],
)
def test_what_cannot_be_tracked_is_said(segmented, phase, said):
    with pytest.raises(InputError, match=said):
        track_stack(segmented, PARAMS, phase=phase)


def test_overlap_below_the_threshold_is_no_link():
    truth = discs([{1: (50.0, 40.0 + 6 * t, 9.0)} for t in range(4)])
    params = TrackingParams(linking_threshold=0.3, max_gap=0, correct_drift=False)
    assert len(track_stack(truth, params).lineage) == 4
    assert len(track_stack(truth, TrackingParams(correct_drift=False)).lineage) == 1


def test_a_cell_farther_than_allowed_is_another():
    truth = discs([{1: (50.0, 30.0 + 22 * t, 9.0)} for t in range(4)])
    near, far = (TrackingParams(max_distance=d, correct_drift=False) for d in (15, 30))
    assert len(track_stack(truth, near).lineage) == 4
    assert len(track_stack(truth, far).lineage) == 1
