"""Traces as arrays: what is plotted, what is under the mouse, what they have in common."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_pyama.traces.inspection import (
    curve_of,
    mean_and_deviation,
    median_and_quartiles,
    ranked_rows,
    trace_at,
)
from napari_pyama.traces.trace_set import Timeline, trace_set
from pyama_core.columns import CELL, FRAME, INTENSITY_TOTAL, TIME
from tests.plugin.trace_tables import INTERVAL, intensity, table


@pytest.fixture
def traces():
    return trace_set(table(), {})


def everything(traces):
    return np.ones(len(traces.cells), dtype=bool)


def polylines(curve):
    """Take a curve apart into its lines, as the plot draws them."""
    ends = np.flatnonzero(curve.connect == 0) + 1
    return [line.tolist() for line in np.split(np.column_stack([curve.x, curve.y]), ends)[:-1]]


def test_rows_in_any_order_become_traces_in_order():
    rows = table()
    shuffled = np.random.default_rng(1).permutation(len(rows[CELL]))
    traces = trace_set({name: column[shuffled] for name, column in rows.items()}, {})
    assert traces.cells.tolist() == [1, 2, 3, 4]
    assert traces.lengths.tolist() == [6, 3, 3, 3]
    assert traces.judged.tolist() == [True, True, True, False]
    assert traces.reasons[4] == "too dim"
    assert traces.table[FRAME][traces.rows_of(2)].tolist() == [3, 4, 5]


def test_what_the_filters_said_replaces_what_the_inspected_copy_says():
    traces = trace_set(table(), {1: (False, "too short"), 4: (True, "")})
    assert traces.judged.tolist() == [False, True, True, True]
    assert traces.reasons[1] == "too short"


def test_measurements_are_offered_before_positions(traces):
    assert traces.features == ["intensity_total", "area", "position_x", "position_y"]


def test_a_line_per_trace_at_its_true_times(traces):
    curve = curve_of(traces, traces.values(INTENSITY_TOTAL), traces.cells == 2)
    expected = [[INTERVAL * frame, intensity(2, frame)] for frame in range(3)]
    assert polylines(curve) == [expected]


def test_a_line_breaks_where_a_value_is_missing_and_a_lone_value_is_a_dot(traces):
    values = traces.values(INTENSITY_TOTAL).copy()
    values[4] = np.nan
    curve = curve_of(traces, values, traces.cells == 1)
    lines = polylines(curve)
    assert [len(line) for line in lines] == [4, 2]
    assert lines[1][0] == lines[1][1] == [INTERVAL * 5, intensity(1, 5)]


def test_no_trace_is_an_empty_curve(traces):
    curve = curve_of(traces, traces.values(INTENSITY_TOTAL), ~everything(traces))
    assert len(curve.x) == len(curve.connect) == 0
    assert trace_at(curve, 0.0, 0.0, (1.0, 1.0)) is None


@given(missing=st.lists(st.booleans(), min_size=15, max_size=15))
@settings(max_examples=50, deadline=None)
def test_lines_hold_every_value_once_or_as_a_dot(missing):
    traces = trace_set(table(), {})
    values = np.where(missing, np.nan, traces.values(INTENSITY_TOTAL))
    curve = curve_of(traces, values, np.ones(4, dtype=bool))
    lines = polylines(curve)
    assert all(len(line) >= 2 for line in lines)
    seen = [y for line in lines for y in dict.fromkeys(y for _, y in line)]
    assert seen == values[np.isfinite(values)].tolist()


@pytest.mark.parametrize(
    ("x", "y", "index"),
    [
        (12.5, intensity(1, 2.5), 0),
        (12.5, intensity(1, 2.5) + 7, 0),
        (12.5, intensity(1, 2.5) + 50, None),
        (20.0, intensity(4, 4), 3),
        (200.0, intensity(4, 4), None),
    ],
)
def test_a_click_finds_the_line_within_reach(x, y, index, traces):
    curve = curve_of(traces, traces.values(INTENSITY_TOTAL), everything(traces))
    assert trace_at(curve, x, y, (1.0, 1.0)) == index


def test_mean_and_deviation_are_those_of_each_frame(traces):
    values = traces.values(INTENSITY_TOTAL)
    spread = mean_and_deviation(traces, values, ranked_rows(traces, values))
    for i, frame in enumerate(range(6)):
        at = values[traces.table[FRAME] == frame]
        assert spread.x[i] == INTERVAL * frame
        assert spread.middle[i] == pytest.approx(at.mean())
        assert spread.high[i] - spread.middle[i] == pytest.approx(at.std())


def test_quartiles_are_those_of_each_frame_and_skip_frames_without_values(traces):
    values = traces.values(INTENSITY_TOTAL).copy()
    values[traces.table[FRAME] == 1] = np.nan
    spread = median_and_quartiles(traces, values, ranked_rows(traces, values))
    frames = [0, 2, 3, 4, 5]
    assert spread.x.tolist() == [INTERVAL * frame for frame in frames]
    for i, frame in enumerate(frames):
        low, middle, high = np.percentile(values[traces.table[FRAME] == frame], (25, 50, 75))
        assert (spread.low[i], spread.middle[i], spread.high[i]) == pytest.approx(
            (low, middle, high)
        )


def test_a_table_without_rows_is_no_trouble():
    empty = {name: column[:0] for name, column in table().items()}
    traces = trace_set(empty, {})
    assert len(traces.cells) == 0
    assert len(traces.means(INTENSITY_TOTAL)) == len(traces.border_distances(9, 9)) == 0
    assert traces.timeline.minutes_of(3) == 3.0


def test_border_distance_is_the_smallest_of_a_trace(traces):
    assert traces.border_distances(64, 40).tolist() == [4.0, 13.0, 4.0, 4.0]


def test_frames_and_times_are_linked_by_number():
    timeline = Timeline(np.array([2, 3, 5]), np.array([20.0, 31.0, 50.0]))
    assert timeline.minutes_of(3) == 31.0
    assert timeline.minutes_of(4) == 40.5
    assert timeline.minutes_of(0) == 0.0
    assert timeline.minutes_of(6) == 60.0
    assert [timeline.frame_at(minutes, 7) for minutes in (-9, 31.1, 45, 99)] == [0, 3, 4, 6]


def test_times_that_are_not_even_are_plotted_as_they_are():
    rows = table()
    rows[TIME] = rows[FRAME] ** 2.0
    traces = trace_set(rows, {})
    curve = curve_of(traces, traces.values(INTENSITY_TOTAL), traces.cells == 1)
    assert curve.x.tolist() == [0.0, 1.0, 4.0, 9.0, 16.0, 25.0]
