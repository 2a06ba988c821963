"""Filters say which traces are good, and why the others are not."""

import numpy as np
import pytest

from pyama_core.processing.extraction import Extraction, ExtractionParams, extract_stack

N_FRAMES = 12


@pytest.fixture
def labels() -> np.ndarray:
    """A long central cell (1, 100 px), a short one (2, 100 px), one that reaches the border in
    one frame (3, 100 px), a small one (4, 9 px)."""
    labels = np.zeros((N_FRAMES, 64, 64), np.uint16)
    labels[:, 20:30, 20:30] = 1
    labels[:3, 40:50, 40:50] = 2
    labels[:, 2:12, 40:50] = 3
    labels[5, 2:12, 40:50] = 0
    labels[5, 0:10, 40:50] = 3
    labels[:, 50:53, 10:13] = 4
    return labels


def judged(labels: np.ndarray, **params: object) -> tuple[dict[int, str], Extraction]:
    extraction = extract_stack(
        labels, {}, ExtractionParams(**params), times=np.arange(float(len(labels))), fov=0
    )
    table = extraction[None]
    reasons = dict(zip(table["cell"].tolist(), table["reason"].tolist(), strict=True))
    np.testing.assert_array_equal(table["good"], table["reason"] == "")
    return reasons, extraction


def test_by_default_traces_shorter_than_half_the_frames_are_not_good(labels: np.ndarray) -> None:
    reasons, extraction = judged(labels)
    assert reasons == {1: "", 2: "shorter than 6 frames", 3: "", 4: ""}
    assert extraction.messages == []


def test_long_movies_ask_for_thirty_frames() -> None:
    labels = np.zeros((100, 16, 16), np.uint16)
    labels[:30, 5:9, 5:9] = 1
    labels[:29, 10:14, 5:9] = 2
    assert judged(labels)[0] == {1: "", 2: "shorter than 30 frames"}


@pytest.mark.parametrize("n_frames", [1, 2, 3])
def test_short_movies_reject_no_trace_that_is_complete(n_frames: int) -> None:
    labels = np.zeros((n_frames, 16, 16), np.uint16)
    labels[:, 5:9, 5:9] = 1
    assert judged(labels)[0] == {1: ""}


def test_the_shortest_trace_may_be_chosen(labels: np.ndarray) -> None:
    assert judged(labels, min_trace_length=3)[0][2] == ""
    assert judged(labels, min_trace_length=4)[0][2] == "shorter than 4 frames"


@pytest.mark.parametrize(("distance", "rejected"), [(0, False), (1, True), (2, True)])
def test_a_trace_that_ever_comes_too_near_to_the_border_is_not_good(
    labels: np.ndarray, distance: int, rejected: bool
) -> None:
    reason = judged(labels, border_distance=distance)[0][3]
    assert bool(reason) == rejected
    assert not rejected or reason == f"nearer than {distance} px to the border"


@pytest.mark.parametrize("side", ["top", "bottom", "left", "right"])
def test_the_distance_is_to_the_nearest_of_all_four_borders(side: str) -> None:
    frame = np.zeros((64, 80), np.uint16)
    turned = {"top": frame, "bottom": frame[::-1], "left": frame.T, "right": frame.T[::-1]}[side]
    turned[4:10, 20:30] = 1
    labels = np.stack([frame] * 2)
    assert judged(labels, border_distance=4)[0] == {1: ""}
    assert judged(labels, border_distance=5)[0] != {1: ""}


def test_limits_of_size_hold_for_the_median_area(labels: np.ndarray) -> None:
    labels[4, 20:40, 20:40] = 1
    reasons, _ = judged(labels, min_area=9, max_area=100, min_trace_length=1)
    assert set(reasons.values()) == {""}
    assert judged(labels, min_area=10)[0][4] == "smaller than 10 px"
    assert judged(labels, max_area=99)[0][1] == "larger than 99 px"


def test_all_reasons_are_given(labels: np.ndarray) -> None:
    reason = judged(labels, min_area=500, border_distance=20)[0][2]
    assert reason == ("shorter than 6 frames; nearer than 20 px to the border; smaller than 500 px")


def test_filters_drop_no_rows(labels: np.ndarray) -> None:
    _, strict = judged(labels, min_area=500)
    _, lenient = judged(labels)
    np.testing.assert_array_equal(strict[None]["cell"], lenient[None]["cell"])


def test_filters_that_reject_everything_say_so(labels: np.ndarray) -> None:
    _, extraction = judged(labels, min_area=500)
    assert [str(message) for message in extraction.messages] == [
        "None of the 4 traces is good: 1 shorter than 6 frames, 4 smaller than 500 px."
    ]
