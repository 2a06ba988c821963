"""Labels and lineage agree, whatever the input."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pyama_core import columns
from pyama_core.processing.tracking import TrackingParams, track_stack
from pyama_core.sample.colony import ColonyParams, make_colony


def blobs(seed, n_frames, density, persistence):
    """Random blobs that change from frame to frame: cells appear, touch, part and vanish."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(n_frames, 24, 40)), (persistence, 1.5, 1.5))
    return noise > np.quantile(noise, 1 - density)


MOVIES = st.builds(
    blobs,
    st.integers(0, 2**31),
    st.integers(1, 9),
    st.floats(0.02, 0.6),
    st.sampled_from([0, 0.7, 2.0]),
)
PARAMS = st.builds(
    TrackingParams,
    max_gap=st.integers(0, 3),
    max_touch=st.integers(0, 6),
    confirm=st.integers(1, 3),
    correct_drift=st.booleans(),
)
BRIEF_TOUCH = TrackingParams(max_gap=0, max_touch=1, confirm=1, correct_drift=False)
MISSING = st.sets(st.integers(0, 8), max_size=3)


def check_agreement(tracking, segmented, missing):
    lineage = tracking.lineage
    frames = list(tracking)
    present = {cell: [] for cell in lineage.cell.tolist()}
    for t, (labels, mask) in enumerate(zip(frames, segmented, strict=True)):
        expected = np.zeros_like(mask) if t in missing else mask
        np.testing.assert_array_equal(labels > 0, expected > 0)
        for cell in np.unique(labels[labels > 0]).tolist():
            present[cell].append(t)
    assert lineage.cell.tolist() == list(range(1, len(lineage) + 1))
    assert lineage.first_frame.tolist() == [seen[0] for seen in present.values()]
    assert lineage.last_frame.tolist() == [seen[-1] for seen in present.values()]
    daughters = np.flatnonzero(lineage.parent)
    mothers = lineage.parent[daughters] - 1
    assert (lineage.last_frame[mothers] < lineage.first_frame[daughters]).all()
    assert set(np.bincount(mothers)[np.unique(mothers)]) <= {2}
    assert (lineage.ended[mothers] == "division").all()
    assert (lineage.began[daughters] == "division").all()
    assert ((lineage.began == "division") == (lineage.parent > 0)).all()


@settings(max_examples=150, deadline=None)
@given(MOVIES, PARAMS, MISSING)
def test_masks_labels_and_lineage_agree(masks, params, missing):
    check_agreement(track_stack(masks, params, missing=missing), masks, missing)


@settings(max_examples=60, deadline=None)
@given(MOVIES, PARAMS, MISSING)
@example(blobs(56743, 8, 0.4296875, 0), BRIEF_TOUCH, set())
def test_instances_labels_and_lineage_agree(masks, params, missing):
    instances = np.array([ndimage.label(mask)[0] for mask in masks], np.uint16)
    tracking = track_stack(instances, params, missing=missing)
    check_agreement(tracking, instances, missing)


@settings(max_examples=40, deadline=None)
@given(MOVIES)
def test_every_instance_has_one_id_unless_cells_touch_in_it(masks):
    instances = np.array([ndimage.label(mask)[0] for mask in masks], np.uint16)
    tracking = track_stack(instances, TrackingParams(max_touch=0, confirm=1))
    for labels, frame in zip(tracking, instances, strict=True):
        pairs = {(int(i), int(c)) for i, c in zip(frame.flat, labels.flat, strict=True) if i}
        assert len(pairs) == len({i for i, _ in pairs})


def test_the_order_of_instance_values_does_not_matter():
    truth, _ = make_colony(12, seed=2, params=ColonyParams(height=128, width=128, divisions=10))
    rng = np.random.default_rng(0)
    renamed = np.zeros_like(truth)
    for frame, out in zip(truth, renamed, strict=True):
        names = np.concatenate([[0], 1 + rng.permutation(int(frame.max()))])
        out[:] = names[frame]
    first, second = (track_stack(stack, TrackingParams()).lineage for stack in (truth, renamed))
    assert sorted(first.last_frame) == sorted(second.last_frame)
    assert (first.parent > 0).sum() == (second.parent > 0).sum()


def test_labels_can_be_read_twice_and_in_any_order():
    masks = blobs(3, 6, 0.3, 0.7)
    tracking = track_stack(masks, TrackingParams())
    once, twice = list(tracking), list(tracking)
    np.testing.assert_array_equal(once, twice)
    np.testing.assert_array_equal(tracking.frame(4), once[4])


def test_the_lineage_table_has_the_lineage_columns():
    table = track_stack(blobs(3, 6, 0.3, 0.7), TrackingParams()).lineage.table()
    assert tuple(table) == columns.LINEAGE_COLUMNS
    assert len({len(column) for column in table.values()}) == 1


def test_a_small_colony_is_tracked_without_a_mistake():
    small = ColonyParams(height=160, width=160, divisions=20)
    truth, known = make_colony(20, seed=1, params=small)
    tracking = track_stack(truth, TrackingParams())
    name = {0: 0}
    for labels, true in zip(tracking, truth, strict=True):
        for cell in np.unique(true):
            name.setdefault(int(cell), int(labels[true == cell][0]))
            assert (labels[true == cell] == name[int(cell)]).all()
    mothers = {name[c]: name[p] for c, p in zip(known.cell, known.parent, strict=True)}
    lineage = tracking.lineage
    assert dict(zip(lineage.cell.tolist(), lineage.parent.tolist(), strict=True)) == mothers
