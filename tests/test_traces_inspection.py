"""Marks of a person, and the inspected copy that carries them."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyama_core.errors import InputError
from pyama_core.io import inspected_copies as copy_text
from pyama_core.io.atomic import digest_file
from pyama_core.io.decisions import coinciding_cells
from pyama_core.io.inspection import (
    REJECTED,
    Inspected,
    inspected_path,
    load_marks,
    read_inspected,
    save_marks,
)
from pyama_core.io.tables import read_table, write_table
from pyama_core.io.traces import read_traces
from tests.track_tables import N_FRAMES, good_by_cell, table_of


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    path = tmp_path / "e_fov_000_traces_ch_1.csv"
    write_table(path, table_of({1: (10, 10), 2: (50, 50), 9: (90, 90)}))
    return path


def test_marks_are_saved_in_a_copy_and_read_back(traces: Path) -> None:
    before = traces.read_bytes()
    copy = save_marks(traces, {1: False, 9: True})
    assert copy.name == "e_fov_000_traces_ch_1_inspected.csv"
    assert traces.read_bytes() == before
    assert load_marks(traces) == {1: False, 9: True}
    assert good_by_cell(read_table(copy)) == {1: False, 2: True, 9: True}


def test_the_copy_differs_from_the_traces_only_in_the_marked_rows(traces: Path) -> None:
    copy = save_marks(traces, {1: False})
    lines = zip(traces.read_text().splitlines(), copy.read_text().splitlines(), strict=True)
    changed = [new for old, new in lines if old != new]
    assert len(changed) == N_FRAMES
    assert all(line.startswith("0,1,") and line.endswith(REJECTED) for line in changed)


def test_the_copy_is_the_same_however_few_lines_are_marked_at_once(
    traces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = save_marks(traces, {1: False, 9: True}).read_bytes()
    monkeypatch.setattr(copy_text, "_CHARACTERS_AT_ONCE", 50)
    assert save_marks(traces, {1: False, 9: True}).read_bytes() == at_once


def test_saving_replaces_earlier_marks(traces: Path) -> None:
    save_marks(traces, {1: False})
    save_marks(traces, {2: False})
    assert load_marks(traces) == {2: False}
    assert good_by_cell(read_traces(traces).table)[1]


def test_the_copy_is_preferred_when_traces_are_read(traces: Path) -> None:
    assert read_traces(traces).path == traces
    save_marks(traces, {2: False})
    read = read_traces(traces)
    assert read.path == inspected_path(traces)
    assert not read.messages
    assert not good_by_cell(read.table)[2]


def test_a_mark_for_a_cell_that_is_not_there_is_an_error(traces: Path) -> None:
    with pytest.raises(InputError, match="Cell 77"):
        save_marks(traces, {77: False})
    assert not inspected_path(traces).exists()


def test_when_traces_change_marks_go_over_to_the_tracks_that_coincide(traces: Path) -> None:
    save_marks(traces, {1: False, 2: False})
    write_table(traces, table_of({4: (50.4, 50), 5: (11, 10), 6: (200, 200)}))
    read = read_traces(traces)
    assert load_marks(traces) == {5: False, 4: False}
    assert good_by_cell(read.table) == {4: False, 5: False, 6: True}
    [message] = read.messages
    assert "2 of its 2 marks" in message.text
    assert message.weight == "warning"
    dated = [p for p in traces.parent.iterdir() if re.search(r"_inspected_[-\d_]+\.csv$", p.name)]
    assert len(dated) == 1
    assert dated[0].name in message.text
    assert good_by_cell(read_table(dated[0])) == {1: False, 2: False, 9: False}


def test_a_track_elsewhere_or_at_another_time_takes_no_mark(traces: Path) -> None:
    save_marks(traces, {1: False})
    write_table(traces, table_of({1: (10, 10)}, first=5))
    [message] = read_inspected(traces).messages
    assert "0 of its 1 marks" in message.text
    assert load_marks(traces) == {}
    assert read_inspected(traces) == Inspected(traces)


@given(
    shift=st.floats(-4, 4),
    ids=st.permutations([1, 2, 3, 4]),
    starts=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, unique=True),
)
def test_tracks_are_recognized_under_other_ids(
    shift: float, ids: list[int], starts: list[tuple[int, int]]
) -> None:
    old = table_of({i + 1: (20 * x, 20 * y) for i, (x, y) in enumerate(starts[:4])})
    new = table_of({ids[i]: (20 * x + shift, 20 * y) for i, (x, y) in enumerate(starts[:4])})
    assert coinciding_cells(old, new, [1, 3]) == {1: ids[0], 3: ids[2]}


def test_a_track_that_lasts_much_longer_is_another(traces: Path) -> None:
    old = table_of({1: (10, 10)})
    short = {name: column[:3] for name, column in old.items()}
    assert coinciding_cells(short, old, [1]) == {}
    assert coinciding_cells(old, short, [1]) == {}


def test_the_user_is_told_once(traces: Path) -> None:
    save_marks(traces, {1: False})
    write_table(traces, table_of({1: (10, 10)}))
    assert len(read_inspected(traces).messages) == 1
    assert read_inspected(traces).messages == []


def test_marks_survive_when_new_traces_are_empty(traces: Path) -> None:
    save_marks(traces, {1: False})
    write_table(traces, table_of({}))
    [message] = read_inspected(traces).messages
    assert "0 of its 1 marks" in message.text


def test_an_inspected_copy_made_by_pyama_is_taken_as_it_is(traces: Path) -> None:
    table = read_table(traces)
    table["good"] = table["cell"] == 9
    write_table(inspected_path(traces), table)
    assert load_marks(traces) == {1: False, 2: False, 9: True}
    assert read_traces(traces).path == inspected_path(traces)


def test_an_inspected_copy_of_other_traces_without_record_is_carried_over(traces: Path) -> None:
    table = table_of({3: (10, 10)})
    table["good"] = np.zeros(N_FRAMES, bool)
    write_table(inspected_path(traces), table)
    assert len(read_inspected(traces).messages) == 1
    assert load_marks(traces) == {1: False}


@pytest.mark.parametrize("changed", [False, True])
def test_where_nothing_can_be_written_marks_still_count(
    traces: Path, monkeypatch: pytest.MonkeyPatch, changed: bool
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    table = table_of({1: (10, 10), 2: (50, 50), 9: (90, 90)})
    table["good"] = table["cell"] == 9
    write_table(inspected_path(traces), table)
    if changed:
        write_table(traces, table_of({4: (10.5, 10), 5: (50, 50.5)}))
    before = {path: path.read_bytes() for path in traces.parent.iterdir()}
    monkeypatch.setattr(Path, "replace", refuse)
    read = read_traces(traces)
    assert good_by_cell(read.table) == (
        {4: False, 5: False} if changed else {1: False, 2: False, 9: True}
    )
    assert {path: path.read_bytes() for path in traces.parent.iterdir()} == before


def test_a_damaged_record_does_not_lose_the_marks(traces: Path) -> None:
    save_marks(traces, {1: False})
    inspected_path(traces).with_suffix(".json").write_text("{")
    assert load_marks(traces) == {1: False}


def test_the_record_names_the_traces_it_was_made_from(traces: Path) -> None:
    save_marks(traces, {1: False})
    record = json.loads(inspected_path(traces).with_suffix(".json").read_text())
    assert record["traces_digest"] == digest_file(traces)
    assert record["copy_digest"] == digest_file(inspected_path(traces))
    assert record["marks"] == {"1": False}


@pytest.mark.skipif(os.name == "nt", reason="POSIX links")
@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_copy_or_record_that_is_a_link_is_neither_read_nor_written_through(
    traces: Path, suffix: str
) -> None:
    linked = save_marks(traces, {1: False}).with_suffix(suffix)
    elsewhere = traces.parent / "elsewhere"
    elsewhere.mkdir()
    linked.rename(elsewhere / "file")
    linked.symlink_to(elsewhere / "file")
    before = (elsewhere / "file").read_bytes()
    assert any(linked.name in message.text for message in read_inspected(traces).messages)
    save_marks(traces, {2: False})
    assert not linked.is_symlink()
    assert (elsewhere / "file").read_bytes() == before
    assert list(elsewhere.iterdir()) == [elsewhere / "file"]
    assert load_marks(traces)[2] is False
