"""Every feature against scikit-image and NumPy, over shapes, types, borders and extreme values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyama_core.processing.extraction import Regions, Signal, feature, feature_reference
from pyama_core.processing.raster.runs import find_runs
from tests.reference.extraction import plain_feature, plain_runs

SIDES = st.integers(1, 24)
LABEL_TYPES = st.sampled_from([np.uint16, np.uint32])
IMAGE_VALUES = {
    np.uint8: st.integers(0, 255),
    np.uint16: st.sampled_from([0, 1, 7, 40000, 65535]),
    np.float32: st.one_of(
        st.floats(-1e6, 1e6, width=32), st.sampled_from([np.nan, np.inf, -np.inf])
    ),
}
OF_THE_WHOLE_MOVIE = {"saturated_pixels"}
"""Features that need all frames, see `tests.test_extraction_saturation`."""
NAMES = [row["name"] for row in feature_reference() if row["name"] not in OF_THE_WHOLE_MOVIE]


@st.composite
def label_images(draw: st.DrawFn) -> np.ndarray:
    """Cells made of boxes that may touch, overlap, be in pieces and lie at the border."""
    height, width = draw(SIDES), draw(SIDES)
    labels = np.zeros((height, width), draw(LABEL_TYPES))
    for _ in range(draw(st.integers(0, 6))):
        y, x = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        box = labels[y : y + draw(st.integers(1, 9)), x : x + draw(st.integers(1, 9))]
        box[...] = draw(st.sampled_from([1, 2, 3, 60000]))
    return labels


@st.composite
def scenes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A label image and an image of the same size."""
    labels = draw(label_images())
    dtype = draw(st.sampled_from(list(IMAGE_VALUES)))
    return labels, draw(hnp.arrays(dtype, labels.shape, elements=IMAGE_VALUES[dtype]))


def measured(name: str, labels: np.ndarray, image: np.ndarray) -> dict[str, np.ndarray]:
    regions = Regions.of(labels)
    f = feature(name)
    source = regions if f.kind == "shape" else Signal.of(regions, image)
    values = np.asarray(f.compute(source)).reshape(len(regions), len(f.column_names))
    return dict(zip(f.column_names, values.T, strict=True))


@settings(deadline=None)
@given(label_images())
def test_runs_are_those_found_by_walking_along_the_rows(labels: np.ndarray) -> None:
    assert [tuple(run) for run in find_runs(labels).tolist()] == plain_runs(labels)


@settings(deadline=None, max_examples=40)
@given(hnp.arrays(np.uint16, (7, 300), elements=st.integers(0, 2)))
def test_any_number_of_runs_is_found(labels: np.ndarray) -> None:
    assert [tuple(run) for run in find_runs(labels).tolist()] == plain_runs(labels)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.int64])
def test_labels_of_other_types_and_memory_orders_are_taken(dtype: type) -> None:
    labels = (np.arange(35).reshape(5, 7) % 3 > 0).astype(dtype)
    assert [tuple(run) for run in find_runs(labels.T).tolist()] == plain_runs(labels.T)


def test_a_frame_in_the_middle_of_a_file_is_read_where_it_lies(tmp_path) -> None:
    stack = np.random.default_rng(0).integers(0, 3, (3, 5, 7), dtype=np.uint16)
    np.save(tmp_path / "labels.npy", stack)
    mapped = np.load(tmp_path / "labels.npy", mmap_mode="r")
    for frame, plain in zip(mapped, stack, strict=True):
        assert [tuple(run) for run in find_runs(frame).tolist()] == plain_runs(plain)


def test_scattered_large_ids_need_no_table_of_their_size() -> None:
    labels = np.array([[0, 4_000_000_000, 5]], dtype=np.uint32)
    assert Regions.of(labels).cells.tolist() == [5, 4_000_000_000]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "orientation"])
@settings(deadline=None, max_examples=25)
@given(scene=scenes())
def test_features_are_those_of_scikit_image(name: str, scene: tuple) -> None:
    for column, values in measured(name, *scene).items():
        expected = plain_feature(column, *scene)
        np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-6, err_msg=column)


@settings(deadline=None, max_examples=40)
@given(scenes())
def test_orientation_is_that_of_scikit_image_where_a_cell_has_one(scene: tuple) -> None:
    """It has none where both axes are equal; a turn by pi is the same direction."""
    has_one = plain_feature("eccentricity", *scene) > 1e-3
    turn = measured("orientation", *scene)["orientation"] - plain_feature("orientation", *scene)
    np.testing.assert_allclose(np.sin(turn[has_one]), 0, atol=1e-6)


@pytest.mark.parametrize("offset", [0, 4000])
def test_axes_keep_their_digits_far_from_the_corner(offset: int) -> None:
    labels = np.zeros((4, offset + 40), np.uint16)
    labels[1, offset + 5 : offset + 36] = 1
    regions = Regions.of(labels)
    assert feature("eccentricity").compute(regions)[0] == 1
    assert feature("axis_minor_length").compute(regions)[0] == 0
    assert feature("axis_major_length").compute(regions)[0] == pytest.approx(4 * np.sqrt(80))


def test_a_disk_is_round_and_convex_and_a_line_is_not() -> None:
    y, x = np.mgrid[-20:21, -20:21]
    disk, line = (y**2 + x**2 <= 400).astype(np.uint16), (y == 0).astype(np.uint16)
    assert measured("circularity", disk, disk)["circularity"][0] == pytest.approx(1, abs=0.1)
    assert measured("circularity", line, line)["circularity"][0] < 0.4
    assert measured("solidity", disk, disk)["solidity"][0] > 0.95


def test_a_single_pixel_has_finite_features() -> None:
    labels = np.zeros((16, 16), np.uint16)
    labels[3, 4] = 1
    for name in NAMES:
        assert np.isfinite(list(measured(name, labels, labels).values())).all()


def test_totals_of_many_bright_pixels_are_exact() -> None:
    labels = np.ones((600, 600), np.uint16)
    image = np.full((600, 600), 65535, np.uint16)
    image[0, 0] = 65534
    total = measured("intensity_total", labels, image)["intensity_total"][0]
    assert total == 65535 * 360_000 - 1


def test_the_reference_says_of_every_feature_what_it_is() -> None:
    rows = feature_reference()
    assert {row["name"] for row in rows} >= {
        "area", "centroid", "bounding_box", "perimeter", "eccentricity", "solidity",
        "axis_major_length", "axis_minor_length", "orientation", "circularity",
        "intensity_total", "intensity_mean", "intensity_median", "intensity_min",
        "intensity_max", "intensity_std",
    }  # fmt: skip
    assert all(row["help"] and row["formula"] and row["columns"] for row in rows)
