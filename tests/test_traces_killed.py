"""Marks of a person outlive a program that is killed at any moment."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pyama_core.io.inspection import inspected_path, load_marks, read_inspected, save_marks
from pyama_core.io.samples import Sample, merge_samples
from pyama_core.io.tables import read_table, write_table
from pyama_core.io.traces import read_traces
from tests.killed import run_until_change
from tests.results_folders import two_channels
from tests.track_tables import good_by_cell, table_of

PLACES = {1: (10, 10), 2: (50, 50), 9: (90, 90)}


def first_save(traces: Path) -> Callable[[], object]:
    return lambda: save_marks(traces, {1: False, 9: True})


def another_save(traces: Path) -> Callable[[], object]:
    save_marks(traces, {2: False})
    return lambda: save_marks(traces, {1: False, 9: True})


def edited_in_a_spreadsheet(traces: Path) -> Callable[[], object]:
    save_marks(traces, {2: False})
    copy = pd.read_csv(traces)
    copy["good"] |= copy["cell"] == 9
    copy[copy["cell"] != 1].to_csv(inspected_path(traces), index=False)
    return lambda: read_inspected(traces)


def changed_traces(traces: Path) -> Callable[[], object]:
    save_marks(traces, {1: False, 9: True})
    write_table(traces, table_of({**PLACES, 4: (30, 30)}))
    return lambda: read_inspected(traces)


def other_traces(traces: Path) -> Callable[[], object]:
    save_marks(traces, {1: False, 9: True})
    write_table(traces, table_of({1: (200, 200)}))
    return lambda: read_inspected(traces)


@pytest.mark.parametrize(
    ("begin", "marks"),
    [
        (first_save, [{}, {1: False, 9: True}]),
        (another_save, [{2: False}, {1: False, 9: True}]),
        (edited_in_a_spreadsheet, [{1: False, 2: True, 9: True}]),
        (changed_traces, [{1: False, 9: True}]),
        (other_traces, [{}]),
    ],
)
def test_whenever_the_program_is_killed_record_and_copy_agree(
    tmp_path: Path, begin: Callable[[Path], Callable[[], object]], marks: list[dict[int, bool]]
) -> None:
    n_changes, was_killed, seen = 0, True, []
    while was_killed:
        traces = tmp_path / str(n_changes) / "e_fov_000_traces_ch_1.csv"
        write_table(traces, table_of(PLACES))
        was_killed = run_until_change(begin(traces), n_changes)
        found = load_marks(traces)
        seen.append(found)
        read = read_traces(traces)
        assert found in marks
        if inspected_path(traces).exists():
            assert good_by_cell(read_table(inspected_path(traces))) == good_by_cell(read.table)
        else:
            assert found == {}
        assert read.messages == []
        assert len(list(traces.parent.glob("*_inspected_*.csv"))) <= 1
        n_changes += 1
    assert n_changes > 3
    assert seen[-1] == marks[-1]
    assert [found for i, found in enumerate(seen) if i == 0 or found != seen[i - 1]] in (
        marks,
        marks[-1:],
    )


def test_a_merge_that_was_killed_is_made_whole_by_the_next(tmp_path: Path) -> None:
    index = two_channels(tmp_path / "out")
    samples = [Sample("A", "0, 1")]
    expected = {p.name: p.read_bytes() for p in merge_samples(index, samples, tmp_path / "whole")}
    for n_changes in (0, 3, 12, 20, 25, 30):
        folder = tmp_path / str(n_changes)
        assert run_until_change(lambda f=folder: merge_samples(index, samples, f), n_changes)
        for path in folder.glob("A_*"):
            assert path.read_bytes() == expected[path.name]
        merge_samples(index, samples, folder)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected
