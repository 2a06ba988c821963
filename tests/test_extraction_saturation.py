"""Saturated pixels: where the camera's limit is found, and what is said and done about it."""

import numpy as np
import pytest

from pyama_core.processing.extraction import ExtractionParams, extract_stack

N_CELLS, CELL, N_FRAMES = 16, 20, 6


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """A grid of square cells that stay where they are."""
    frame = np.zeros((160, 160), np.uint16)
    for cell in range(N_CELLS):
        y, x = 40 * (cell // 4) + 8, 40 * (cell % 4) + 8
        frame[y : y + CELL, x : x + CELL] = cell + 1
    return np.stack([frame] * N_FRAMES)


def cells_of(labels: np.ndarray, brightness: float, seed: int = 0) -> np.ndarray:
    """Cells of unlike brightness, each bright in its middle, with the noise of photons."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:CELL, :CELL] - (CELL - 1) / 2
    profile = np.exp(-(x**2 + y**2) / (2 * 7.0**2))
    light = np.full(labels.shape, 100.0)
    for cell, amplitude in enumerate(rng.lognormal(0, 0.4, N_CELLS), start=1):
        light[labels == cell] += np.tile((brightness * amplitude * profile).ravel(), len(labels))
    return rng.poisson(light)


def extract(labels, raw, images=None, bits=None, **params):
    times = np.arange(float(len(labels)))
    return extract_stack(
        labels,
        {1: raw if images is None else images},
        ExtractionParams(**params),
        times=times,
        fov=0,
        raw={1: raw},
        significant_bits=bits,
    )


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limit", [255, 4095, 16383, 65535, 1500, 3995])
def test_the_limit_is_found_where_the_histogram_ends_in_a_spike(labels, limit, seed, dtype):
    light = cells_of(labels, 1.2 * (limit - 100), seed)
    clipped = np.minimum(light, limit)
    share = (light >= limit)[labels > 0].mean()
    assert 0.005 < share < 0.3
    table = extract(labels, clipped.astype(dtype))[1]
    expected = [
        (clipped[t] >= limit)[labels[t] == cell].sum()
        for cell, t in zip(table["cell"], table["frame"], strict=True)
    ]
    np.testing.assert_array_equal(table["saturated_pixels"], expected)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("brightness", [0, 3, 30, 120, 1000, 15000])
@pytest.mark.parametrize("n_frames", [1, N_FRAMES])
def test_clean_images_are_not_taken_for_saturated(labels, brightness, seed, n_frames):
    clean = cells_of(labels, brightness, seed)[:n_frames]
    few_levels = clean * 254 // clean.max()
    for image in (clean.astype(np.uint16), clean.astype(np.float32), few_levels.astype(np.uint8)):
        extraction = extract(labels[:n_frames], image)
        assert not extraction[1]["saturated_pixels"].any()
        assert not extraction.messages


@pytest.mark.parametrize("background", ["even", "noisy"])
def test_flat_objects_are_not_taken_for_saturated(labels, background):
    rng = np.random.default_rng(0)
    flat = np.full(labels.shape, 100) if background == "even" else rng.poisson(100, labels.shape)
    flat[labels > 0] = 700
    assert not extract(labels, flat.astype(np.uint16))[1]["saturated_pixels"].any()


@pytest.mark.parametrize(("dtype", "bits", "limit"), [("uint16", 12, 4095), ("uint8", None, 255)])
def test_a_single_pixel_at_a_limit_that_is_known_is_counted(labels, dtype, bits, limit):
    image = (cells_of(labels, 20) % 250).astype(dtype)
    image[2, 10, 10] = limit
    table = extract(labels, image, bits=bits)[1]
    at = (table["cell"] == 1) & (table["frame"] == 2)
    np.testing.assert_array_equal(table["saturated_pixels"], at)
    assert table["good"].all()


def test_bits_that_the_pixels_contradict_are_not_believed(labels):
    clean = cells_of(labels, 15000).astype(np.uint16)
    assert not extract(labels, clean, bits=12)[1]["saturated_pixels"].any()


def test_a_wholly_saturated_frame_is_counted_and_named(labels):
    image = cells_of(labels, 500).astype(np.uint16)
    image[3] = 4095
    extraction = extract(labels, image)
    table = extraction[1]
    np.testing.assert_array_equal(
        table["saturated_pixels"], np.where(table["frame"] == 3, CELL**2, 0)
    )
    assert str(extraction.messages[0]) == (
        "Channel 1: 6400 pixels of 16 of 16 cells, in 16 of 96 measurements (17 %), are "
        "saturated, at 4095 counts."
    )


@pytest.mark.parametrize(("limit", "rejects"), [(0.0, True), (0.01, True), (0.05, False)])
def test_a_trace_is_rejected_past_the_share_that_is_allowed(labels, limit, rejects):
    image = np.minimum(cells_of(labels, 20), 4000).astype(np.uint16)
    image[2, 8:11, 8:13] = 4095
    table = extract(labels, image, max_saturated=limit)[1]
    expected = {f"more than {100 * limit:g} % of its pixels saturated"} if rejects else {""}
    assert set(table["reason"][table["cell"] == 1]) == expected
    assert set(table["reason"][table["cell"] == 2]) == {""}


def test_one_channel_does_not_count_against_another(labels):
    image = np.minimum(cells_of(labels, 20), 4000).astype(np.uint16)
    clipped = image.copy()
    clipped[2, 8:28, 8:28] = 4095
    times = np.arange(float(len(labels)))
    tables = extract_stack(labels, {1: image, 2: clipped}, ExtractionParams(), times=times, fov=0)
    assert tables[1]["good"].all()
    assert tables[2]["cell"][~tables[2]["good"]].tolist() == [1] * N_FRAMES


def test_what_was_corrected_is_measured_and_what_was_recorded_is_counted(labels):
    raw = np.minimum(cells_of(labels, 4000), 4095).astype(np.uint16)
    corrected = (raw - 100.0).astype(np.float32) / 1.1
    both, alone = extract(labels, raw, corrected)[1], extract(labels, raw)[1]
    np.testing.assert_array_equal(both["saturated_pixels"], alone["saturated_pixels"])
    assert both["saturated_pixels"].any()
    assert not np.array_equal(both["intensity_total"], alone["intensity_total"])


def test_without_what_was_recorded_the_number_is_not_known(labels):
    corrected = cells_of(labels, 4000).astype(np.float32)
    times = np.arange(float(len(labels)))
    table = extract_stack(labels, {1: corrected}, ExtractionParams(), times=times, fov=0)[1]
    assert np.isnan(table["saturated_pixels"]).all()
    assert table["good"].all()


def test_clipped_traces_that_stay_good_are_nearly_right(labels):
    light = cells_of(labels, 4000)
    clipped = np.minimum(light, 4095)
    assert (light > 4095)[labels > 0].mean() > 0.03
    table, truth = extract(labels, clipped.astype(np.uint16))[1], extract(labels, light)[1]
    lost = 1 - table["intensity_total"] / truth["intensity_total"]
    assert lost.max() > 0.1
    assert lost[table["good"]].max() < 0.01
