"""Samples merged, against pandas by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pyama_core.errors import InputError
from pyama_core.io.inspection import save_marks
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.results import ResultsIndex
from pyama_core.io.samples import Sample, merge_samples
from pyama_core.io.tables import read_table, write_table
from pyama_core.messages import Message
from tests.results_folders import (
    FOVS,
    by_hand,
    one_table_for_all_channels,
    traces_of,
    two_channels,
)


@pytest.fixture
def results(tmp_path: Path) -> ResultsIndex:
    return two_channels(tmp_path / "out")


@pytest.mark.parametrize("all_rows", [False, True])
def test_the_wide_table_has_a_row_per_frame_at_the_mean_time(
    results: ResultsIndex, all_rows: bool
) -> None:
    out = results.output_dir
    merge_samples(out, [Sample("A", "0-1, 5")], out / "merged", all_rows=all_rows)
    path = out / "merged" / "A_intensity_total_ch_1.csv"
    assert path.read_text().splitlines()[0] == "# Time units: min"
    merged = pd.read_csv(path, comment="#", index_col="time")
    rows = by_hand(results, (0, 1, 5), 1)
    times = rows.groupby(["frame", "fov"])["time"].first().groupby("frame").mean()
    rows = rows if all_rows else rows[rows["good"]]
    expected = rows.pivot(index="frame", columns=["fov", "cell"], values="intensity_total")
    assert list(merged) == [f"fov_{fov:03d}_cell_{cell}" for fov, cell in expected.columns]
    np.testing.assert_allclose(merged.index, times, atol=1e-6)
    np.testing.assert_allclose(merged.to_numpy(), expected.to_numpy(), atol=1e-6)
    assert merged.notna().all(axis=None)


def test_the_mean_time_does_not_depend_on_how_many_cells_a_fov_has(
    results: ResultsIndex, tmp_path: Path
) -> None:
    for fov, n_cells in ((0, 9), (1, 3)):
        write_table(dict(results.fovs[fov].traces_csv)[1], traces_of(fov, 1, n_cells=n_cells))
    merge_samples(results, [Sample("A", "0, 1")], tmp_path)
    times = pd.read_csv(tmp_path / "A_area_ch_1.csv", comment="#")["time"]
    np.testing.assert_allclose(times, np.arange(4) * 10 + 1 / 14, atol=1e-6)


def test_the_tidy_table_has_a_row_per_value_at_its_own_time(results: ResultsIndex) -> None:
    merge_samples(results, [Sample("A", "2, 5")], results.output_dir)
    path = results.output_dir / "A_area_ch_2_tidy.csv"
    tidy = pd.read_csv(path, comment="#")
    rows = by_hand(results, (2, 5), 2)
    rows = rows[rows["good"]].sort_values(["fov", "cell", "time"])
    assert path.read_text().splitlines()[:2] == ["# Time units: min", "time,fov,cell,value"]
    np.testing.assert_allclose(tidy["value"], rows["area"])
    np.testing.assert_allclose(tidy["time"], rows["time"], atol=1e-6)
    assert tidy["fov"].tolist() == rows["fov"].tolist()


def test_frames_may_share_a_time(results: ResultsIndex, tmp_path: Path) -> None:
    for fov in FOVS:
        table = traces_of(fov, 1)
        table["time"] = np.zeros(len(table["time"]))
        write_table(dict(results.fovs[fov].traces_csv)[1], table)
    merge_samples(results, [Sample("A", "all")], tmp_path)
    wide = pd.read_csv(tmp_path / "A_area_ch_1.csv", comment="#")
    assert wide["time"].tolist() == [0, 0, 0, 0]
    expected = by_hand(results, (5,), 1)
    expected = expected[expected["cell"] == 3]["area"].tolist()
    assert wide["fov_005_cell_3"].tolist() == expected


def test_every_merged_table_is_read_by_our_reader_and_by_pandas(
    results: ResultsIndex, tmp_path: Path
) -> None:
    for path in merge_samples(results, [Sample("A", "all")], tmp_path):
        ours, theirs = read_table(path), pd.read_csv(path, comment="#")
        assert list(ours) == list(theirs)
        for name, column in ours.items():
            np.testing.assert_array_equal(column, theirs[name])


def as_layout_a_programs_read(path: Path) -> pd.DataFrame:
    """Read as programs of layout A do: the first column is the index, every other a cell."""
    unit = path.read_text().splitlines()[0].removeprefix("# Time units:").strip()
    table = pd.read_csv(path, index_col=0, comment="#").apply(pd.to_numeric, errors="raise")
    return table.set_index(table.index / {"min": 60, "h": 1}[unit])


def as_layout_b_programs_read(path: Path) -> pd.DataFrame:
    """Read as programs of layout B do: tidy, whole numbers of FOV and cell, hours."""
    unit = path.read_text().splitlines()[0].removeprefix("# Time units:").strip()
    table = pd.read_csv(path, comment="#").astype({"fov": int, "cell": int})
    table["time"] = pd.to_numeric(table["time"], errors="raise") / {"min": 60, "h": 1}[unit]
    return table.set_index(["fov", "cell"])["time"]


def test_programs_that_fit_in_hours_find_the_unit(results: ResultsIndex, tmp_path: Path) -> None:
    merge_samples(results, [Sample("A", "5")], tmp_path)
    hours = (np.arange(4) * 10 + 5 / 7) / 60
    wide = as_layout_a_programs_read(tmp_path / "A_area_ch_1.csv")
    np.testing.assert_allclose(wide.index, hours, atol=1e-6)
    tidy = as_layout_b_programs_read(tmp_path / "A_area_ch_1_tidy.csv")
    np.testing.assert_allclose(tidy.loc[5, 1], hours, atol=1e-6)


def test_what_is_missing_stays_missing(results: ResultsIndex, tmp_path: Path) -> None:
    table = traces_of(0, 1)
    table["intensity_total"][1::2] = np.nan
    write_table(dict(results.fovs[0].traces_csv)[1], table)
    table = traces_of(1, 1)
    table["intensity_total"][:] = np.nan
    write_table(dict(results.fovs[1].traces_csv)[1], table)
    merge_samples(results, [Sample("A", "0, 1")], tmp_path)
    wide = pd.read_csv(tmp_path / "A_intensity_total_ch_1.csv", comment="#")
    assert wide["fov_000_cell_1"].isna().tolist() == [False, True, False, True]
    assert wide["fov_001_cell_3"].isna().all()


@pytest.mark.parametrize("damage", ["missing", "text", "twice"])
def test_nothing_is_written_unless_everything_can_be(
    results: ResultsIndex, tmp_path: Path, damage: str
) -> None:
    path = dict(results.fovs[5].traces_csv)[2]
    text = path.read_text()
    if damage == "missing":
        path.unlink()
    elif damage == "text":
        path.write_text(text.replace(",True,", ",perhaps,"))
    else:
        path.write_text(text + text.splitlines()[-1] + "\n")
    with pytest.raises((InputError, FileNotFoundError), match=r"traces_ch_2\.csv"):
        merge_samples(results, [Sample("A", "0"), Sample("B", "all")], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_what_a_killed_merge_left_is_removed_and_nothing_else(
    results: ResultsIndex, tmp_path: Path
) -> None:
    left = tmp_path / ".partial-0123abcd-A_area_ch_1_tidy.csv"
    others = [tmp_path / ".partial-0123abcd-traces.csv", tmp_path / "A_area_ch_1_fitted.csv"]
    for path in (left, *others):
        path.touch()
    merge_samples(results, [Sample("A", "0")], tmp_path)
    assert not left.exists()
    assert all(path.exists() for path in others)


def test_a_folder_without_traces_is_refused(tmp_path: Path) -> None:
    index = ResultsIndex(tmp_path, 0, [1], {0: ResultsPathsPerFOV(), 1: ResultsPathsPerFOV()})
    with pytest.raises(InputError, match="no trace tables of FOV 0-1"):
        merge_samples(index, [Sample("A", "all")], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_name_that_is_too_long_for_the_disk_is_refused(
    results: ResultsIndex, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="shorter name"):
        merge_samples(results, [Sample("ä" * 110, "0")], tmp_path)


def test_tables_of_two_samples_never_replace_each_other(
    results: ResultsIndex, tmp_path: Path
) -> None:
    for fov in (0, 1):
        table = traces_of(fov, 1)
        table["b_area"] = table["area"]
        write_table(dict(results.fovs[fov].traces_csv)[1], table)
    with pytest.raises(InputError, match="Two tables would be called"):
        merge_samples(results, [Sample("A_b", "0"), Sample("A", "1")], tmp_path)


def test_there_is_a_table_per_sample_feature_and_channel(results: ResultsIndex) -> None:
    merged = merge_samples(results, [Sample("A", "0"), Sample("B", "all")], results.output_dir)
    wide = [path.name for path in merged if "tidy" not in path.name]
    assert wide == [
        f"{sample}_{feature}.csv"
        for sample in "AB"
        for feature in (
            "intensity_total_ch_1", "area_ch_1",
            "intensity_total_ch_2", "area_ch_2", "intensity_mean_ch_2",
        )
    ]  # fmt: skip
    assert not merged.messages


def test_marks_of_a_person_count(results: ResultsIndex) -> None:
    save_marks(results.fovs[0].traces_csv[0][1], {1: False, 2: True})
    merge_samples(results, [Sample("A", "0")], results.output_dir)
    wide = pd.read_csv(results.output_dir / "A_area_ch_1.csv", comment="#")
    assert list(wide) == ["time", "fov_000_cell_2", "fov_000_cell_3"]


def test_a_sample_without_good_traces_gives_empty_tables_and_a_note(results: ResultsIndex) -> None:
    save_marks(results.fovs[0].traces_csv[0][1], {1: False, 3: False})
    merged = merge_samples(results, [Sample("A", "0")], results.output_dir)
    said = "Sample A has no good traces in channel 1."
    assert merged.messages == [Message(said, "warning")]
    assert (results.output_dir / "A_area_ch_1.csv").read_text() == "# Time units: min\ntime\n"


def test_a_fov_that_is_not_there_is_an_error_before_anything_is_written(
    results: ResultsIndex,
) -> None:
    with pytest.raises(InputError, match=r'"A".*FOV 3-4.*0-2, 5'):
        merge_samples(results, [Sample("A", "2-5")], results.output_dir / "merged")
    with pytest.raises(InputError, match=r'"A" takes FOV 9.*holds 0-2, 5'):
        merge_samples(results, [Sample("A", "9")], results.output_dir / "merged")
    assert not (results.output_dir / "merged").exists()


@pytest.fixture
def layout_b(tmp_path: Path) -> ResultsIndex:
    return one_table_for_all_channels(tmp_path)


def test_tables_of_several_channels_are_merged_by_channel(layout_b: ResultsIndex) -> None:
    merge_samples(layout_b, [Sample("A", "0")], layout_b.output_dir)
    values = {
        name: pd.read_csv(layout_b.output_dir / f"A_{name}.csv", comment="#").iloc[0, 1]
        for name in ("area_ch_1", "intensity_total_ch_1", "intensity_total_ch_2")
    }
    assert values == {"area_ch_1": 64, "intensity_total_ch_1": 100, "intensity_total_ch_2": 200}
