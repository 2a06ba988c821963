"""The run-length kernels compute what plain SciPy and plain loops do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from pyama_core.processing.raster.runs import paint_runs, runs_of
from pyama_core.processing.tracking import relabel as relabeling
from pyama_core.processing.tracking.linking import Shares
from pyama_core.processing.tracking.motion import fit_movement, nearest_neighbors
from pyama_core.processing.tracking.regions import by_cell, measure, overlaps_of
from pyama_core.processing.tracking.relabel import relabel
from pyama_core.processing.workflow.execution.worker import warm_up
from pyama_core.processing.workflow.params import WorkflowParams
from tests.reference.tracking import affine_at, components, divided, shared_pixels

quick = settings(max_examples=60, deadline=None)
SHAPES = st.tuples(st.integers(1, 12), st.sampled_from([1, 3, 7, 8, 16, 24, 65, 128]))


def masks(shape):
    return hnp.arrays(np.bool_, shape, elements=st.booleans(), fill=st.sampled_from([True, False]))


def instances(dtype):
    greatest = min(np.iinfo(dtype).max, np.iinfo(np.uint32).max)
    values = st.sampled_from([0, 0, 1, 2, 3, greatest])
    return SHAPES.flatmap(lambda shape: hnp.arrays(dtype, shape, elements=values, fill=values))


def painted(runs, shape):
    out = np.zeros(shape, np.uint32)
    paint_runs(runs.row_start, runs.start, runs.stop, (runs.cell + 1).astype(np.uint32), out)
    return out


@quick
@given(SHAPES.flatmap(masks))
def test_cells_of_a_mask_are_its_8_connected_components(mask):
    runs = runs_of(mask)
    labels, n = components(mask)
    assert runs.n_cells == n
    np.testing.assert_array_equal(painted(runs, mask.shape), labels)


@quick
@given(st.sampled_from([np.uint8, np.uint16, np.uint32, np.int16, np.int64]).flatmap(instances))
def test_cells_of_instances_are_their_values_in_order(labels):
    values = np.unique(labels[labels != 0].astype(np.uint32))
    runs = runs_of(labels)
    assert runs.n_cells == len(values)
    expected = np.where(labels != 0, np.searchsorted(values, labels.astype(np.uint32)) + 1, 0)
    np.testing.assert_array_equal(painted(runs, labels.shape), expected)


@pytest.mark.parametrize("offset", [0, 1, 5])
def test_frames_need_not_be_aligned_or_contiguous(offset):
    rng = np.random.default_rng(offset)
    raw = np.frombuffer(bytes(offset) + rng.integers(0, 2, (40, 64), np.uint8).tobytes(), np.uint8)
    mask = raw[offset:].reshape(40, 64)
    np.testing.assert_array_equal(painted(runs_of(mask > 0), (40, 64)), components(mask > 0)[0])
    strided = np.zeros((40, 128), bool)[:, ::2]
    strided[:] = mask
    np.testing.assert_array_equal(painted(runs_of(strided), (40, 64)), components(mask > 0)[0])


@quick
@given(SHAPES.flatmap(masks))
def test_regions_are_measured_as_by_scipy(mask):
    labels, n = components(mask)
    regions = measure(runs_of(mask))
    index = range(1, n + 1)
    np.testing.assert_allclose(regions.area, ndimage.sum_labels(mask, labels, index))
    centers = np.reshape(ndimage.center_of_mass(mask, labels, index), (-1, 2))
    np.testing.assert_allclose(regions.center, centers, rtol=1e-6, atol=1e-6)
    for cell in index:
        pixels = np.argwhere(labels == cell)
        expected = np.cov(pixels.T, bias=True) + np.eye(2) / 12
        np.testing.assert_allclose(regions.covariance[cell - 1], expected, rtol=1e-5, atol=1e-5)
        border = (pixels == 0) | (pixels == np.array(mask.shape) - 1)
        assert regions.at_border[cell - 1] == border.any()


@quick
@given(
    SHAPES.flatmap(lambda shape: st.tuples(masks(shape), masks(shape))),
    st.tuples(st.integers(-9, 9), st.integers(-9, 9)),
)
def test_overlaps_are_shared_pixels_of_moved_cells(pair, move):
    first, second = (components(mask)[0] for mask in pair)
    n = int(first.max())
    shift = [(move[0] * (k % 2), move[1] - k % 3) for k in range(n)]
    found = overlaps_of(
        by_cell(runs_of(first)), runs_of(second), np.array(shift, float).reshape(n, 2)
    )
    pairs = zip(found.source.tolist(), found.target.tolist(), strict=True)
    counted = dict(zip(pairs, found.pixels.tolist(), strict=True))
    assert counted == shared_pixels(first, second, shift)
    assert (np.diff(found.source) >= 0).all()


def test_many_partners_of_one_cell_are_all_found():
    first = np.ones((2, 128), np.uint8)
    second = np.zeros((2, 128), np.uint8)
    second[0, ::2] = np.arange(1, 65)
    found = overlaps_of(by_cell(runs_of(first)), runs_of(second), np.zeros((1, 2)))
    assert found.target.tolist() == list(range(64))
    assert set(found.pixels) == {1}


@quick
@given(st.integers(0, 10_000), st.integers(3, 12))
def test_movement_is_fitted_as_by_least_squares(seed, n):
    rng = np.random.default_rng(seed)
    place, moved = rng.uniform(0, 100, (n, 2)), rng.normal(0, 5, (n, 2))
    where = rng.uniform(0, 100, (4, 2))
    neighbors = np.tile(np.arange(n), (4, 1))
    expected = [affine_at(place, moved, spot) for spot in where]
    np.testing.assert_allclose(
        fit_movement(place, moved, where, neighbors), expected, rtol=1e-6, atol=1e-8
    )


@quick
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 12))
def test_nearest_neighbors_are_nearest(seed, n, count):
    rng = np.random.default_rng(seed)
    place, where = rng.integers(0, 9, (n, 2)).astype(float), rng.uniform(-3, 12, (5, 2))
    place = place[np.argsort(place[:, 0])]
    count = min(count, n)
    away = np.linalg.norm(place[None] - where[:, None], axis=2)
    found = nearest_neighbors(place, where, count)
    assert all(len(set(row)) == count for row in found.tolist())
    expected = np.sort(away, axis=1)[:, :count]
    np.testing.assert_allclose(np.take_along_axis(away, found, axis=1), expected)


@quick
@given(
    SHAPES.flatmap(masks),
    st.integers(0, 10_000),
    st.integers(2, 6),
    st.sampled_from([np.uint16, np.uint32]),
)
def test_touching_cells_divide_their_region_by_nearest_ellipses(mask, seed, n_cells, dtype):
    labels, n = components(mask)
    large = [c for c in range(n) if np.count_nonzero(labels == c + 1) >= n_cells]
    rng = np.random.default_rng(seed)
    center = rng.uniform(-3, 40, (n_cells * len(large), 2))
    axes = rng.normal(0, 3, (n_cells * len(large), 2, 2))
    covariance = axes @ axes.transpose(0, 2, 1) + np.eye(2)
    cell = 100 + np.arange(n_cells * len(large))
    shared = Shares(np.repeat(large, n_cells).astype(np.int64), cell, center, covariance)
    out = np.zeros(mask.shape, dtype)
    relabel(runs_of(mask), np.arange(1, n + 1), shared, out)
    for k, region in enumerate(large):
        pixels, rows = np.argwhere(labels == region + 1), slice(k * n_cells, (k + 1) * n_cells)
        owner = divided(pixels, center[rows], covariance[rows])
        np.testing.assert_array_equal(out[tuple(pixels.T)], cell[rows][owner])
    others = ~np.isin(labels - 1, large)
    np.testing.assert_array_equal(out[others], labels[others])


def test_warming_up_compiles_the_division_of_touching_cells(monkeypatch):
    divide, calls = relabeling.divide_regions, []
    monkeypatch.setattr(relabeling, "divide_regions", lambda *a: calls.append(divide(*a)))
    warm_up("uint16", WorkflowParams())
    assert calls
