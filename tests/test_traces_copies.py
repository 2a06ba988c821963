"""Inspected copies as people, spreadsheets, other programs and killed ones leave them."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyama_core.io.inspection import inspected_path, load_marks, read_inspected, save_marks
from pyama_core.io.samples import Sample, merge_samples
from pyama_core.io.tables import read_table, write_table
from pyama_core.io.traces import read_traces
from tests.results_folders import two_channels
from tests.spreadsheets import SPREADSHEETS, german, rounded
from tests.track_tables import N_FRAMES, good_by_cell, table_of

PLACES = {1: (10, 10), 2: (50, 50), 9: (90, 90)}


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    path = tmp_path / "e_fov_000_traces_ch_1.csv"
    write_table(path, table_of(PLACES))
    return path


def copy_of(traces: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """Change the table as a spreadsheet would."""
    return change(pd.read_csv(traces, keep_default_na=False).astype({"good": object}))


def with_verdicts(table: pd.DataFrame, verdicts: dict[int, object]) -> pd.DataFrame:
    for cell, verdict in verdicts.items():
        table.loc[table["cell"] == cell, "good"] = verdict
    return table


WORDS = [
    ("TRUE", "FALSE"),
    ("True", "False"),
    ("true", "false"),
    (" True ", " FALSE"),
    ("T", "F"),
    ("yes", "no"),
    ("1", "0"),
    ("1.0", "0.0"),
    ("1,0", "0,0"),
    ("1.000000", "0.000000"),
    ("WAHR", "FALSCH"),
    ("Wahr", "Falsch"),
    ("VRAI", "FAUX"),
    ("VERDADERO", "FALSO"),
    ("VERO", "FALSO"),
    ("VERDADEIRO", "FALSO"),
    ("WAAR", "ONWAAR"),
    ("SANT", "FALSKT"),
    ("PRAWDA", "FAŁSZ"),
    ("ИСТИНА", "ЛОЖЬ"),
    ("DOĞRU", "YANLIŞ"),
]


@pytest.mark.parametrize(("true", "false"), WORDS)
def test_truth_is_read_in_every_spelling(traces: Path, true: str, false: str) -> None:
    table = copy_of(traces, lambda t: with_verdicts(t, {1: false, 2: true, 9: true}))
    table.to_csv(inspected_path(traces), index=False)
    read = read_traces(traces)
    assert read.messages == []
    assert good_by_cell(read.table) == {1: False, 2: True, 9: True}
    assert load_marks(traces) == {1: False, 9: True}


@pytest.mark.parametrize("word", ["", "maybe", "2", "-1", "NA", "TRUEE", "0.5", "1_0", "9" * 5000])
def test_anything_else_is_refused_with_column_and_row_and_the_traces_count(
    traces: Path, word: str
) -> None:
    save_marks(traces, {1: False})
    table = copy_of(traces, lambda t: with_verdicts(t, {1: "FALSE", 2: "TRUE", 9: "FALSE"}))
    table.loc[N_FRAMES, "good"] = word
    table.to_csv(inspected_path(traces), index=False)
    content = inspected_path(traces).read_bytes()
    read = read_traces(traces)
    assert good_by_cell(read.table) == {1: False, 2: True, 9: False}
    [message] = read.messages
    assert message.weight == "warning"
    assert f'column "good", row {N_FRAMES + 1} (line {N_FRAMES + 2} of the file)' in message.text
    assert len(message.text) < 700
    assert inspected_path(traces).read_bytes() == content


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("save", SPREADSHEETS)
def test_a_copy_that_a_spreadsheet_saved_counts(
    traces: Path, save: Callable[[pd.DataFrame], bytes], known: bool
) -> None:
    if known:
        save_marks(traces, {9: True})
    expected = read_table(traces)
    table = copy_of(traces, lambda t: with_verdicts(t, {1: "FALSE", 2: "TRUE", 9: "TRUE"}))
    inspected_path(traces).write_bytes(save(table))
    read = read_traces(traces)
    assert read.messages == []
    assert good_by_cell(read.table) == {1: False, 2: True, 9: True}
    assert set(read.table["reason"][read.table["cell"] == 1]) == {"rejected by hand"}
    for name in ("time", "position_x", "intensity_total", "area"):
        np.testing.assert_array_equal(read.table[name], expected[name])


@pytest.mark.parametrize("save", SPREADSHEETS)
def test_trace_tables_that_a_spreadsheet_saved_are_read(
    traces: Path, save: Callable[[pd.DataFrame], bytes]
) -> None:
    expected = read_traces(traces).table
    traces.write_bytes(save(copy_of(traces, lambda table: table)))
    table = read_traces(traces).table
    order = np.lexsort((table["frame"], table["cell"]))
    for name, column in expected.items():
        if save is rounded and column.dtype.kind == "f":
            np.testing.assert_allclose(table[name][order], column, rtol=1e-3)
        else:
            np.testing.assert_array_equal(table[name][order], column)


def test_marks_can_be_given_to_a_table_that_a_spreadsheet_saved(traces: Path) -> None:
    traces.write_bytes(german(copy_of(traces, lambda table: table)))
    save_marks(traces, {1: False})
    assert good_by_cell(read_table(inspected_path(traces))) == {1: False, 2: True, 9: False}
    assert load_marks(traces) == {1: False}


@pytest.mark.parametrize("known", [False, True])
def test_cells_whose_rows_were_deleted_are_rejected(traces: Path, known: bool) -> None:
    if known:
        save_marks(traces, {1: True})
    copy_of(traces, lambda t: t[t["cell"] != 1]).to_csv(inspected_path(traces), index=False)
    read = read_traces(traces)
    assert load_marks(traces) == {1: False}
    assert good_by_cell(read.table) == {1: False, 2: True, 9: False}
    assert "Rejected by hand: 1 cell without rows in" in read.messages[0].text
    assert read_traces(traces).messages == []
    write_table(traces, table_of({5: (11, 10), 7: (50, 51)}))
    assert good_by_cell(read_traces(traces).table) == {5: False, 7: True}


def test_rows_that_were_deleted_stay_deleted(traces: Path) -> None:
    gone = {"frame": [2, 3], "cell": [1, 1]}
    copy_of(traces, lambda t: t[~((t["cell"] == 1) & t["frame"].isin(gone["frame"]))]).to_csv(
        inspected_path(traces), index=False
    )

    def frames_of_cell_1() -> list[int]:
        table = read_traces(traces).table
        return table["frame"][table["cell"] == 1].tolist()

    assert frames_of_cell_1() == [0, 1, 4, 5, 6, 7]
    save_marks(traces, {2: False})
    assert frames_of_cell_1() == [0, 1, 4, 5, 6, 7]
    assert load_marks(traces) == {2: False}
    assert len(read_table(inspected_path(traces))["cell"]) == 3 * N_FRAMES - 2
    write_table(traces, table_of({4: (10.5, 10)}))
    assert read_traces(traces).table["frame"].tolist() == [0, 1, 4, 5, 6, 7]


@pytest.mark.parametrize(("cell", "counts"), [(1, False), (9, True)])
def test_a_cell_of_which_only_some_rows_were_changed_is_judged_as_these(
    traces: Path, cell: int, counts: bool
) -> None:
    table = copy_of(traces, lambda t: t)
    table.loc[table.index[table["cell"] == cell][2], "good"] = str(counts).upper()
    table.to_csv(inspected_path(traces), index=False)
    read = read_traces(traces)
    assert load_marks(traces) == {cell: counts}
    assert set(read.table["good"][read.table["cell"] == cell]) == {counts}
    assert f"Cell {cell} is both good and not good" in read.messages[0].text


def test_a_mark_in_the_program_does_not_reverse_one_in_a_spreadsheet(traces: Path) -> None:
    save_marks(traces, {1: False})
    table = copy_of(traces, lambda t: with_verdicts(t, {1: "FALSE", 2: "FALSE"}))
    table.to_csv(inspected_path(traces), index=False)
    edited = inspected_path(traces).read_bytes()
    save_marks(traces, {1: False, 9: True})
    assert load_marks(traces) == {1: False, 2: False, 9: True}
    kept = [path for path in traces.parent.iterdir() if path.read_bytes() == edited]
    assert len(kept) == 1
    save_marks(traces, {1: False})
    assert load_marks(traces) == {1: False}
    assert len(list(traces.parent.glob("*_inspected_*.csv"))) == 1


def test_a_copy_without_a_record_whose_record_is_lost_too_counts_again(traces: Path) -> None:
    save_marks(traces, {1: False})
    inspected_path(traces).unlink()
    assert load_marks(traces) == {1: False}
    assert good_by_cell(read_table(inspected_path(traces))) == {1: False, 2: True, 9: False}


def damage(path: Path, kind: str) -> None:
    content = path.read_bytes()
    path.unlink(missing_ok=True)
    if kind == "cut":
        path.write_bytes(content[:-25])
    elif kind == "zeros":
        path.write_bytes(content[:100] + bytes(1000))
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "header":
        path.write_bytes(content.splitlines(keepends=True)[0])
    elif kind == "other":
        path.write_bytes(b"name,fovs\nA,0\n")
    elif kind == "quote":
        path.write_bytes(content.replace(b"0,2,", b'0,"2,', 1))
    elif kind == "line":
        path.write_bytes(content[:100] + b"9" * 3_000_000)
    elif kind == "field":
        path.write_bytes(content[:100] + b'"' + b"9\n" * 300_000)
    elif kind == "number":
        path.write_bytes(content.replace(b"0,2,", b"0," + b"9" * 5000 + b",", 1))
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")


DAMAGE = [
    "cut", "zeros", "empty", "header", "other", "quote", "line", "field", "number", "folder",
    "pipe", "device",
]  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_copy_keeps_nothing_shut_and_reverses_nothing(traces: Path, kind: str) -> None:
    save_marks(traces, {1: False, 9: True})
    damage(inspected_path(traces), kind)
    for _ in range(2):
        read = read_traces(traces)
        assert good_by_cell(read.table) == {1: False, 2: True, 9: True}
        assert [message.weight for message in read.messages] == ["warning"]
        assert "e_fov_000_traces_ch_1_inspected.csv" in read.messages[0].text
        assert len(read.messages[0].text) < 700


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_copy_without_a_record_gives_the_traces(traces: Path, kind: str) -> None:
    inspected_path(traces).write_bytes(traces.read_bytes())
    damage(inspected_path(traces), kind)
    read = read_traces(traces)
    assert read.path == traces
    assert good_by_cell(read.table) == {1: True, 2: True, 9: False}
    assert [message.weight for message in read.messages] == ["warning"]


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_traces_are_one_sentence(traces: Path, kind: str) -> None:
    damage(traces, kind)
    if kind == "header":
        assert len(read_traces(traces).table["cell"]) == 0
        return
    with pytest.raises(ValueError, match=re.escape(str(traces))) as caught:
        read_traces(traces)
    assert len(str(caught.value)) < 700
    assert "\n" not in str(caught.value)


def test_a_damaged_copy_is_kept_when_marks_are_saved(traces: Path) -> None:
    save_marks(traces, {1: False})
    inspected_path(traces).write_bytes(b"cell,frame,good\n1,0,perhaps\n")
    save_marks(traces, {1: False, 2: False})
    assert load_marks(traces) == {1: False, 2: False}
    [kept] = traces.parent.glob("*_inspected_*.csv")
    assert kept.read_bytes() == b"cell,frame,good\n1,0,perhaps\n"


def test_one_bad_copy_does_not_keep_a_merge_from_its_tables(tmp_path: Path) -> None:
    index = two_channels(tmp_path / "out")
    bad = inspected_path(dict(index.fovs[0].traces_csv)[1])
    bad.write_bytes(b"\0" * 500)
    merged = merge_samples(index, [Sample("A", "all")], tmp_path)
    assert len(merged) == 10
    assert bad.name in merged.messages[0].text


@pytest.mark.parametrize(
    "record",
    [
        "", "{", "[]", "null", '{"marks": {}}', '{"marks": {"x": true}, "traces_digest": ""}',
        '{"marks": {"1": "false"}, "traces_digest": ""}', "[" * 100_000,
        '{"marks": {"' + "9" * 5000 + '": true}, "traces_digest": ""}',
    ],
)  # fmt: skip
def test_a_damaged_record_is_made_again_from_the_copy(traces: Path, record: str) -> None:
    save_marks(traces, {1: False, 9: True})
    inspected_path(traces).with_suffix(".json").write_text(record)
    assert load_marks(traces) == {1: False, 9: True}
    assert read_inspected(traces).messages == []


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_damage_to_a_copy_leaves_the_traces_as_they_are(
    traces: Path, data: st.DataObject
) -> None:
    content = bytearray(traces.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=12))
    inspected_path(traces).with_suffix(".json").unlink(missing_ok=True)
    inspected_path(traces).write_bytes(content)
    original = read_table(traces)
    read = read_traces(traces)
    for name in ("time", "position_x", "intensity_total", "area"):
        assert set(read.table[name].tolist()) <= set(original[name].tolist())
