"""The table of a whole experiment, as CSV and as Parquet."""

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pyama_core.errors import InputError, ReadError
from pyama_core.io import experiment
from pyama_core.io.experiment import write_experiment_table, write_parquet
from pyama_core.io.inspection import inspected_path, save_marks
from pyama_core.io.results import ResultsIndex
from tests.results_folders import FOVS, by_hand, one_table_for_all_channels, two_channels


@pytest.fixture
def results(tmp_path: Path) -> ResultsIndex:
    return two_channels(tmp_path / "out")


@pytest.fixture
def layout_b(tmp_path: Path) -> ResultsIndex:
    return one_table_for_all_channels(tmp_path)


def test_the_experiment_table_holds_every_row_with_names_and_scale(results: ResultsIndex) -> None:
    path = results.output_dir / "traces.csv"
    messages = write_experiment_table(
        results,
        path,
        position_names=["A1", "A2", ""],
        channel_names=["Phase", "GFP"],
        pixel_size_um=0.8708,
    )
    table = pd.read_csv(path)
    assert not messages
    assert list(table)[:6] == ["fov", "position_name", "channel", "channel_name", "cell", "frame"]
    assert list(table)[-3:] == ["intensity_mean", "reason", "pixel_size_um"]
    assert table.groupby("fov")["position_name"].first().tolist() == [
        "A1", "A2", "fov_002", "fov_005",
    ]  # fmt: skip
    assert table.groupby("channel")["channel_name"].first().tolist() == ["GFP", "2"]
    assert set(table["pixel_size_um"]) == {0.8708}
    for channel in (1, 2):
        ours = table[table["channel"] == channel].reset_index(drop=True)
        expected = by_hand(results, FOVS, channel).reset_index(drop=True)
        for name in expected.columns.drop("reason"):
            np.testing.assert_array_equal(ours[name], expected[name])
    assert table.loc[table["channel"] == 1, "intensity_mean"].isna().all()


def test_parquet_holds_the_same_with_types(results: ResultsIndex) -> None:
    pytest.importorskip("pyarrow")
    path = results.output_dir / "traces.csv"
    write_experiment_table(results, path, pixel_size_um=0.5)
    table = pd.read_parquet(write_parquet(path))
    from_csv = pd.read_csv(
        path,
        keep_default_na=False,
        na_values={"intensity_mean": ["", "nan"]},
        dtype={"channel_name": str},
    )
    pd.testing.assert_frame_equal(table, from_csv, check_dtype=False)
    assert table["good"].dtype == bool
    assert table["cell"].dtype == np.int64


def test_tables_of_several_channels_become_a_row_per_channel(layout_b: ResultsIndex) -> None:
    write_experiment_table(layout_b, layout_b.output_dir / "traces.csv")
    table = pd.read_csv(layout_b.output_dir / "traces.csv")
    assert table["intensity_total"].tolist() == [100, 200]
    assert table["area"].tolist() == [64, 64]
    assert table["pixel_size_um"].isna().all()


def test_what_a_person_decided_counts(results: ResultsIndex) -> None:
    path = dict(results.fovs[0].traces_csv)[1]
    save_marks(path, {1: False, 2: True})
    write_experiment_table(results, results.output_dir / "traces.csv")
    table = pd.read_csv(results.output_dir / "traces.csv", keep_default_na=False)
    ours = table[(table["fov"] == 0) & (table["channel"] == 1)]
    assert ours.groupby("cell")["good"].first().to_dict() == {1: False, 2: True, 3: True}
    reasons = ours.groupby("cell")["reason"].first().to_dict()
    assert reasons == {1: "rejected by hand", 2: "", 3: ""}


def test_tables_that_a_spreadsheet_saved_are_written_as_all_others(results: ResultsIndex) -> None:
    write_experiment_table(results, results.output_dir / "before.csv")
    for fov, separator in ((0, ";"), (1, ",")):
        path = dict(results.fovs[fov].traces_csv)[1]
        text = path.read_text().replace("True", "TRUE").replace("False", "FALSE")
        if separator == ";":
            text = text.replace(",", ";").replace(".", ",")
        path.write_text(text, encoding="utf-8-sig" if separator == ";" else "utf-8")
    messages = write_experiment_table(results, results.output_dir / "after.csv")
    assert messages == []
    before, after = (
        (results.output_dir / name).read_text() for name in ("before.csv", "after.csv")
    )
    assert after == before


@pytest.mark.parametrize("damage", ["cut", "bytes", "text", "pipe", "folder", "gone"])
def test_a_damaged_table_is_left_out_and_named(results: ResultsIndex, damage: str) -> None:
    path = dict(results.fovs[1].traces_csv)[2]
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[:-40])
    elif damage == "bytes":
        path.write_bytes(content[:200] + bytes(50) + content[250:])
    elif damage == "text":
        path.write_bytes(content.replace(b",True,", b",perhaps,", 1))
    elif damage == "pipe":
        os.mkfifo(path)
    elif damage == "folder":
        path.mkdir()
    [message] = write_experiment_table(results, results.output_dir / "traces.csv")
    assert path.name in message.text
    assert message.weight == "warning"
    table = pd.read_csv(results.output_dir / "traces.csv")
    assert len(table[(table["fov"] == 1) & (table["channel"] == 2)]) == 0
    expected = sum(len(by_hand(results, (fov,), 1)) for fov in FOVS)
    assert len(table[table["channel"] == 1]) == expected


def test_a_copy_that_cannot_be_read_keeps_nothing_out(results: ResultsIndex) -> None:
    path = dict(results.fovs[0].traces_csv)[1]
    write_experiment_table(results, results.output_dir / "before.csv")
    inspected_path(path).write_bytes(b"cell,frame,good\n1,0,perhaps\n")
    [message] = write_experiment_table(results, results.output_dir / "after.csv")
    assert 'column "good", row 1 (line 2 of the file)' in message.text
    before, after = (
        (results.output_dir / name).read_text() for name in ("before.csv", "after.csv")
    )
    assert after == before


def test_a_disk_that_fails_is_not_taken_for_a_damaged_table(
    results: ResultsIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    table = results.output_dir / "traces.csv"
    monkeypatch.setattr(experiment, "read_header", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_experiment_table(results, table)
    assert not table.exists()


@pytest.mark.parametrize("n_bytes", [0, 1, 30, 200, -1, -10, -60])
def test_a_table_that_is_cut_does_not_become_parquet(results: ResultsIndex, n_bytes: int) -> None:
    pytest.importorskip("pyarrow")
    path = results.output_dir / "traces.csv"
    write_experiment_table(results, path, pixel_size_um=0.5)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(ReadError, match=r"traces\.csv is damaged .*run the workflow"):
        write_parquet(path)
    assert not path.with_suffix(".parquet").exists()


@pytest.mark.parametrize("old, new", [("\n0,", "\nx,"), ("0.500000", "0;5"), ("True", "1e3")])
def test_text_where_numbers_belong_does_not_become_parquet(
    results: ResultsIndex, old: str, new: str
) -> None:
    pytest.importorskip("pyarrow")
    path = results.output_dir / "traces.csv"
    write_experiment_table(results, path, pixel_size_um=0.5)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=r"traces\.csv is damaged"):
        write_parquet(path)
