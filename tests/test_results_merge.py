"""Samples merged, and the table of the whole experiment, against pandas by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pyama_core.errors import InputError
from pyama_core.io.experiment import write_experiment_table, write_parquet
from pyama_core.io.inspection import save_marks
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.results import ResultsIndex, write_results
from pyama_core.io.samples import Sample, merge_samples, read_samples
from pyama_core.io.tables import write_table

FOVS = (0, 1, 2, 5)


def traces_of(fov: int, channel: int, n_frames: int = 4, n_cells: int = 3) -> dict:
    rng = np.random.default_rng([fov, channel])
    cell = np.repeat(np.arange(1, n_cells + 1), n_frames)
    frame = np.tile(np.arange(n_frames), n_cells)
    table = {
        "fov": np.full(len(cell), fov),
        "cell": cell,
        "frame": frame,
        "time": frame * 10.0 + fov / 7,
        "good": (cell != 2),
        "position_x": rng.random(len(cell)),
        "position_y": rng.random(len(cell)),
        "intensity_total": rng.normal(1000, 100, len(cell)),
        "area": rng.integers(50, 90, len(cell)),
    }
    if channel == 2:
        table["intensity_mean"] = table["intensity_total"] / table["area"]
    table["reason"] = np.where(cell == 2, "smaller than 60 px", "").astype(object)
    return {name: column[cell != fov] for name, column in table.items()}


@pytest.fixture
def results(tmp_path: Path) -> ResultsIndex:
    """Four FOVs, two channels; cell 2 is not good, cell 1 of FOV 1 and so on is absent."""
    index = ResultsIndex(tmp_path / "out", 0, [1, 2])
    for fov in FOVS:
        index.fovs[fov] = ResultsPathsPerFOV()
        for channel in (1, 2):
            path = tmp_path / "out" / f"fov_{fov:03d}" / f"e_fov_{fov:03d}_traces_ch_{channel}.csv"
            write_table(path, traces_of(fov, channel))
            index.fovs[fov].traces_csv.append((channel, path))
    write_results(index)
    return index


def by_hand(results: ResultsIndex, fovs: tuple[int, ...], channel: int) -> pd.DataFrame:
    paths = [dict(results.fovs[fov].traces_csv)[channel] for fov in fovs]
    return pd.concat([pd.read_csv(path, keep_default_na=False) for path in paths])


@pytest.mark.parametrize("all_rows", [False, True])
def test_the_wide_table_is_what_pandas_pivots(results: ResultsIndex, all_rows: bool) -> None:
    out = results.output_dir
    merge_samples(out, [Sample("A", "0-1, 5")], out / "merged", all_rows=all_rows)
    path = out / "merged" / "A_intensity_total_ch_1.csv"
    assert path.read_text().splitlines()[0] == "# Time units: min"
    merged = pd.read_csv(path, comment="#", index_col="time")
    rows = by_hand(results, (0, 1, 5), 1)
    rows = rows if all_rows else rows[rows["good"]]
    expected = rows.pivot(index="time", columns=["fov", "cell"], values="intensity_total")
    assert list(merged) == [f"fov_{fov:03d}_cell_{cell}" for fov, cell in expected.columns]
    np.testing.assert_allclose(merged.index, expected.index, atol=1e-6)
    np.testing.assert_allclose(merged.to_numpy(), expected.to_numpy(), atol=1e-6)


def test_the_tidy_table_has_a_row_per_value(results: ResultsIndex) -> None:
    merge_samples(results, [Sample("A", "2, 5")], results.output_dir)
    tidy = pd.read_csv(results.output_dir / "A_area_ch_2_tidy.csv")
    rows = by_hand(results, (2, 5), 2)
    rows = rows[rows["good"]].sort_values(["fov", "cell", "time"])
    assert list(tidy) == ["time", "fov", "cell", "value"]
    np.testing.assert_allclose(tidy["value"], rows["area"])
    assert tidy["fov"].tolist() == rows["fov"].tolist()


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
    assert not merged.notes


def test_marks_of_a_person_count(results: ResultsIndex) -> None:
    save_marks(results.fovs[0].traces_csv[0][1], {1: False, 2: True})
    merge_samples(results, [Sample("A", "0")], results.output_dir)
    wide = pd.read_csv(results.output_dir / "A_area_ch_1.csv", comment="#")
    assert list(wide) == ["time", "fov_000_cell_2", "fov_000_cell_3"]


def test_a_sample_without_good_traces_gives_empty_tables_and_a_note(results: ResultsIndex) -> None:
    save_marks(results.fovs[0].traces_csv[0][1], {1: False, 3: False})
    merged = merge_samples(results, [Sample("A", "0")], results.output_dir)
    assert merged.notes == ["Sample A has no good traces in channel 1."]
    assert (results.output_dir / "A_area_ch_1.csv").read_text() == "# Time units: min\ntime\n"


def test_a_fov_that_is_not_there_is_an_error_before_anything_is_written(
    results: ResultsIndex,
) -> None:
    with pytest.raises(InputError, match=r'"A".*FOV 3-4.*0-2, 5'):
        merge_samples(results, [Sample("A", "2-5")], results.output_dir / "merged")
    with pytest.raises(InputError, match=r'"A" takes FOV 9.*holds 0-2, 5'):
        merge_samples(results, [Sample("A", "9")], results.output_dir / "merged")
    assert not (results.output_dir / "merged").exists()


def test_samples_are_read_with_fovs_as_text_number_or_list(tmp_path: Path) -> None:
    path = tmp_path / "samples.yaml"
    path.write_text(
        'samples:\n- {name: A, fovs: "0-5, 7"}\n- {name: B, fovs: [6, 8]}\n- {name: 3, fovs: 9}\n'
    )
    assert read_samples(path) == [Sample("A", "0-5, 7"), Sample("B", "6, 8"), Sample("3", "9")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("samples: [{name: A}]", "no samples file"),
        ("[1, 2]", "no samples file"),
        ("samples: [", "no samples file"),
        ("samples: 3", "no samples file"),
        ("samples: []", "names no samples"),
        ("samples: [{name: A, fovs: 0}, {name: A, fovs: 1}]", "twice"),
        ("samples: [{name: A, fovs: 0}, {name: a, fovs: 1}]", "capitals"),
        ("samples: [{name: a/b, fovs: 0}]", "file name"),
    ],
)
def test_a_wrong_samples_file_is_one_clear_error(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "samples.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_samples(path)


def test_the_experiment_table_holds_every_row_with_names_and_scale(results: ResultsIndex) -> None:
    path = results.output_dir / "traces.csv"
    notes = write_experiment_table(
        results,
        path,
        position_names=["A1", "A2", ""],
        channel_names=["Phase", "GFP"],
        pixel_size_um=0.8708,
    )
    table = pd.read_csv(path)
    assert not notes
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


@pytest.fixture
def layout_b(tmp_path: Path) -> ResultsIndex:
    """One FOV whose only table holds both channels."""
    path = tmp_path / "fov_000" / "e_fov_000_traces.csv"
    path.parent.mkdir()
    path.write_text(
        "fov,cell,frame,time,good,position_x,position_y,area_ch_0,"
        "intensity_total_ch_1,intensity_total_ch_2\n0,1,0,0.0,True,5.0,6.0,64,100.0,200.0\n"
    )
    return ResultsIndex(
        tmp_path, 0, [1, 2], {0: ResultsPathsPerFOV(traces_csv=[(1, path), (2, path)])}
    )


def test_tables_of_several_channels_are_merged_by_channel(layout_b: ResultsIndex) -> None:
    merge_samples(layout_b, [Sample("A", "0")], layout_b.output_dir)
    values = {
        name: pd.read_csv(layout_b.output_dir / f"A_{name}.csv", comment="#").iloc[0, 1]
        for name in ("area_ch_1", "intensity_total_ch_1", "intensity_total_ch_2")
    }
    assert values == {"area_ch_1": 64, "intensity_total_ch_1": 100, "intensity_total_ch_2": 200}


def test_tables_of_several_channels_become_a_row_per_channel(layout_b: ResultsIndex) -> None:
    write_experiment_table(layout_b, layout_b.output_dir / "traces.csv")
    table = pd.read_csv(layout_b.output_dir / "traces.csv")
    assert table["intensity_total"].tolist() == [100, 200]
    assert table["area"].tolist() == [64, 64]
    assert table["pixel_size_um"].isna().all()
