"""Tables as CSV files, and trace tables of every layout in one form."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyama_core.columns import TRACE_COLUMNS
from pyama_core.errors import ReadError
from pyama_core.io import text_table
from pyama_core.io.tables import read_table, write_table
from pyama_core.io.traces import read_traces

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)


@pytest.fixture
def table() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    n = 25_000
    return {
        "cell": np.arange(n),
        "good": rng.random(n) > 0.5,
        "intensity_total": rng.normal(0, 1e6, n),
        "area": rng.integers(0, 5000, n),
        "reason": np.array(["", 'he said "no", twice'], object)[rng.integers(0, 2, n)],
    }


def test_a_table_is_written_as_pandas_writes_it(table: dict, tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", table)
    pd.DataFrame(table).to_csv(
        tmp_path / "b.csv", index=False, float_format="%.6f", lineterminator="\n"
    )
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_table_is_read_back_with_its_types(table: dict, tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", table, comments=["Time units: min"])
    read = read_table(tmp_path / "a.csv")
    assert list(read) == list(table)
    for name, column in table.items():
        assert read[name].dtype == column.dtype
        if name == "intensity_total":
            np.testing.assert_allclose(read[name], column, atol=5e-7, rtol=0)
        else:
            np.testing.assert_array_equal(read[name], column)


def test_values_that_are_missing_are_nan(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1.5,1\n,\nnan,3\n")
    read = read_table(tmp_path / "a.csv")
    np.testing.assert_array_equal(read["x"], [1.5, np.nan, np.nan])
    np.testing.assert_array_equal(read["y"], [1, np.nan, 3])


LARGE = 2**53 + 1  # no float64


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", str(LARGE), "-2"], np.array([1, LARGE, -2])),
        (["1", "2", "2.5"], np.array([1, 2, 2.5])),
        (["1.5", "2", "3"], np.array([1.5, 2, 3])),
        (["1", "2", ""], np.array([1, 2, np.nan])),
        (["", "", "True"], np.array(["", "", "True"], object)),
        (["True", "False", "1"], np.array(["True", "False", "1"], object)),
        (["1", "2", "a"], np.array(["1", "2", "a"], object)),
        (["1", "2", str(2**70)], np.array([1, 2, 2.0**70])),
        (["x", "", ""], np.array(["x", "", ""], object)),
    ],
)
def test_a_column_has_the_type_that_all_of_it_is_of(
    cells: list[str], expected: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("".join(f"{cell},0\n" for cell in ["x", *cells]))
    for at_once in (1, 2, 3, 4):
        monkeypatch.setattr(text_table, "_ROWS_AT_ONCE", at_once)
        column = read_table(tmp_path / "a.csv")["x"]
        assert column.dtype == expected.dtype
        np.testing.assert_array_equal(column, expected)


def test_a_row_of_another_length_is_counted_from_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_table, "_ROWS_AT_ONCE", 2)
    (tmp_path / "a.csv").write_text("x,y\n1,2\n1,2\n1\n")
    with pytest.raises(ReadError, match=r"row 3 has 1 values for 2 columns \(line 4 "):
        read_table(tmp_path / "a.csv")


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", {"x": np.zeros(0), "reason": np.zeros(0, object)})
    assert {name: len(column) for name, column in read_table(tmp_path / "a.csv").items()} == {
        "x": 0,
        "reason": 0,
    }


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    numbers=hnp.arrays(np.int64, st.integers(1, 5)),
    text=st.lists(TEXT.filter(lambda t: not t.startswith("#")), min_size=5, max_size=5),
)
def test_any_whole_number_and_text_is_read_back(
    tmp_path: Path, numbers: np.ndarray, text: list[str]
) -> None:
    names = np.array([f"a{t}" for t in text[: len(numbers)]], dtype=object)
    write_table(tmp_path / "a.csv", {"n": numbers, "t": names})
    read = read_table(tmp_path / "a.csv")
    np.testing.assert_array_equal(read["n"], numbers)
    np.testing.assert_array_equal(read["t"], names)


def test_names_that_python_reads_as_numbers_stay_names(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", {"sample": np.array(["1_0", "2_0"], object)})
    assert read_table(tmp_path / "a.csv")["sample"].tolist() == ["1_0", "2_0"]


@pytest.mark.parametrize("content", [b"", b"a,b\n1\n", b"\x93NUMPY\xff\xfe"])
def test_what_is_no_table_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ReadError, match=r"a\.csv"):
        read_table(tmp_path / "a.csv")


def test_a_table_of_something_else_is_no_trace_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(ReadError, match="no trace table"):
        read_traces(tmp_path / "a.csv")


@pytest.fixture
def layout_b(tmp_path: Path) -> Path:
    path = tmp_path / "e_fov_003_traces.csv"
    path.write_text(
        "fov,cell,frame,time,good,position_x,position_y,bbox_x0,bbox_y0,bbox_x1,bbox_y1,"
        "area_ch_0,intensity_total_ch_1,intensity_total_ch_2,intensity_mean_ch_2\n"
        "3,1,0,0.0,True,5.0,6.0,1,2,9,10,64,100.0,200.0,3.125\n"
        "3,1,1,10.0,True,5.0,6.0,1,2,9,10,64,110.0,210.0,3.5\n"
    )
    return path


def test_a_table_of_several_channels_is_read_channel_by_channel(layout_b: Path) -> None:
    one, two = read_traces(layout_b, 1).table, read_traces(layout_b, 2).table
    assert tuple(one)[:9] == tuple(two)[:9] == TRACE_COLUMNS
    assert one["intensity_total"].tolist() == [100, 110]
    assert two["intensity_total"].tolist() == [200, 210]
    assert one["area"].tolist() == two["area"].tolist() == [64, 64]
    assert "intensity_mean" not in one
    assert two["intensity_mean"].tolist() == [3.125, 3.5]
    assert "bbox_x0" in one


def test_without_a_channel_the_first_measured_one_is_read(layout_b: Path) -> None:
    assert read_traces(layout_b).table["intensity_total"].tolist() == [100, 110]


def test_columns_that_older_tables_lack_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "e_fov_007_traces_ch_1.csv"
    path.write_text("cell,frame,position_x,position_y\n1,0,2.0,3.0\n")
    traces = read_traces(path)
    assert traces.table["fov"].tolist() == [7]
    assert traces.table["good"].tolist() == [True]
    assert traces.table["time"].tolist() == [0]
    assert "has no times" in traces.messages[0].text
