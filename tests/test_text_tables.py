"""CSV files of any origin: read right, or refused in one sentence."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyama_core.errors import ReadError
from pyama_core.io.column_types import truth_of
from pyama_core.io.tables import read_table
from pyama_core.io.trace_table import read_lineage_table, read_trace_table
from pyama_core.io.traces import channels_of, read_traces

HEADER = "fov,cell,frame,time,good,position_x,position_y,intensity_total,area,reason\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "a_traces_ch_1.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x;y\n1,5;2\n0,25;3\n", [1.5, 0.25]),
        ("x;y\n1,500;2\n10,250;3\n", [1.5, 10.25]),
        ("x\ty\n1,5\t2\n0,250\t3\n", [1.5, 0.25]),
        ("x\ty\n1,500\t0,5\n2,250\t3\n", [1.5, 2.25]),
        ('x,y\n"1,5",2\n"0,25",3\n', [1.5, 0.25]),
        ("x;y\n1.5;2\n.25;3\n", [1.5, 0.25]),
        ("x;y\n-1,5E+03;2\n;3\n", [-1500, np.nan]),
        ("x|y\n1.5|2\nNA|3\n", [1.5, np.nan]),
        ("sep=|\nx|y\n1.5|2\n#N/A|3\n", [1.5, np.nan]),
        ('"sep=\t"\nx\ty\n1.5\t2\n2\t3\n', [1.5, 2]),
    ],
)
def test_numbers_are_read_with_either_sign_for_decimals(
    tmp_path: Path, text: str, expected: list[float]
) -> None:
    np.testing.assert_array_equal(read_table(write(tmp_path, text))["x"], expected)


def test_lines_that_begin_with_a_hash_are_comments_but_values_are_not(tmp_path: Path) -> None:
    path = write(tmp_path, '#made by hand\n"# twice"\nx,y\n1,2\n# and a half\n#N/A,3\n')
    np.testing.assert_array_equal(read_table(path)["x"], [1, np.nan])


@pytest.mark.parametrize(
    "text",
    [
        'x,y\n"1,500",2\n"10,250",3\n',
        "x\ty\n1,500\t2\n10,250\t3\n",
        "x;y\n1.500;0,5\n10.250;0,25\n",
    ],
)
def test_signs_that_may_be_for_thousands_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ReadError, match=r'column "x", row 1 \(line 2 .* thousands'):
        read_table(write(tmp_path, text))


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("cell", "x", "not a number"),
        ("cell", "", "not a whole number"),
        ("cell", "1.5", "not a whole number"),
        ("cell", "-1", "not a whole number"),
        ("cell", "9" * 5000, "not a number"),
        ("cell", "1e300", "not a whole number"),
        ("cell", "inf", "not a whole number"),
        ("frame", "nan", "not a whole number"),
        ("frame", "1_0", "not a number"),
        ("fov", "A1", "not a number"),
        ("time", "10:30", "not a number"),
        ("good", "perhaps", "neither true nor false"),
        ("position_x", "38. Apr", "not a number"),
        ("intensity_total", "1.234.567", "not a number"),
        ("intensity_total", "1e999", "not a number"),
        ("area", "#####", "not a number"),
    ],
)
def test_text_where_numbers_belong_is_named_by_column_and_row(
    tmp_path: Path, column: str, value: str, problem: str
) -> None:
    names = HEADER.strip().split(",")
    rows = [["0", "1", str(t), f"{t}.5", "True", "3.5", "4.5", "100.25", "9", ""] for t in range(4)]
    rows[2][names.index(column)] = value
    text = HEADER + "\n".join(map(",".join, rows[:2])) + "\n\n" + "\n".join(map(",".join, rows[2:]))
    with pytest.raises(ReadError, match=problem) as caught:
        read_traces(write(tmp_path, text + "\n"))
    assert f'column "{column}", row 3 (line 5 of the file)' in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_feature_of_ones_own_with_one_damaged_value_is_refused_but_text_is_not(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, "cell,frame,roundness,remark\n1,0,0.5,\n1,1,0.25,7\n1,2,o.5,divides\n")
    with pytest.raises(ReadError, match='column "roundness", row 3'):
        read_trace_table(path)
    path.write_text(path.read_text().replace("o.5", "0.5"))
    assert read_trace_table(path)["remark"].tolist() == ["", "7", "divides"]


def test_two_rows_of_a_cell_in_one_frame_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "cell,frame,area\n1,0,5\n2,0,5\n1,0,6\n")
    with pytest.raises(ReadError, match=r'"frame", row 3 .*cell 1 has another row'):
        read_trace_table(path)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match='two columns "area"'):
        read_table(write(tmp_path, "cell,frame,area,area\n1,0,5,6\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cell,parent,first_frame\n1,0,0\n", 'no column "last_frame"'),
        ("cell,parent,first_frame,last_frame\n1,0,0,5\n2,one,3,5\n", 'column "parent", row 2'),
        ("cell,parent,first_frame,last_frame\n1,,0,5\n", 'column "parent", row 1'),
    ],
)
def test_a_damaged_lineage_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ReadError, match=said):
        read_lineage_table(write(tmp_path, text))


def test_a_table_that_ends_within_a_line_is_refused(tmp_path: Path) -> None:
    text = HEADER + "0,1,0,0.0,True,3.5,4.5,100.25,123"
    with pytest.raises(ReadError, match="ends within a line"):
        read_traces(write(tmp_path, text))
    assert read_traces(write(tmp_path, text + "\n")).table["area"].tolist() == [123]


def test_channels_are_found_in_the_header_that_a_spreadsheet_wrote(tmp_path: Path) -> None:
    path = tmp_path / "e_fov_000_traces.csv"
    path.write_bytes("cell;frame;intensity_total_ch_2;intensity_total_ch_1\n".encode("utf-16"))
    assert channels_of(path) == [1, 2]
    path.write_text("cell,frame,intensity_total_ch_" + "9" * 5000 + "\n")
    assert channels_of(path) == [0]


@pytest.mark.parametrize(
    "word", ["", " ", "2", "-1", "tru", "nan", "NA", "1_0", "TRUE FALSE", "0x1"]
)
def test_what_is_neither_true_nor_false_is_neither(word: str) -> None:
    assert truth_of(word) is None


@given(
    word=st.sampled_from([("true", True), ("falsch", False), ("yes", True), ("f", False)]),
    left=st.text(" \t\u00a0", max_size=3),
    right=st.text(" \t\u00a0", max_size=3),
    data=st.data(),
)
def test_capitals_and_spaces_change_no_truth(
    word: tuple[str, bool], left: str, right: str, data: st.DataObject
) -> None:
    text = "".join(data.draw(st.sampled_from([c, c.upper()])) for c in word[0])
    assert truth_of(left + text + right) is word[1]


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "link", Path("/dev/zero")):
        with pytest.raises(ReadError, match="folder, a device or a pipe"):
            read_table(path)
        with pytest.raises(ReadError, match="folder, a device or a pipe"):
            channels_of(path)
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("content", [b"\0", b"a", b"a,", b'a,"', b"\xff\xfea\0"])
def test_a_huge_file_that_is_no_table_costs_no_memory(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, b"")
    with path.open("wb") as file:
        for _ in range(64):
            file.write(content * ((1 << 20) // len(content)))
        file.truncate(20 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(ReadError):
            read_traces(path)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


ROWS = HEADER + "".join(
    f"0,{cell},{t},{10 * t}.000000,{cell != 2},{t}.500000,4.25,{100 * cell + t}.125,9,\n"
    for cell in (1, 2, 3)
    for t in range(4)
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    edits=st.lists(
        st.tuples(
            st.floats(0, 1),
            st.integers(0, 60),
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(
                    [b",", b";", b"\n", b'"', b"\r", b"\0", b"9" * 5000, b"\xef\xbb\xbf"]
                ),
            ),
        ),
        max_size=3,
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]),
    signs=st.sampled_from([",.", ";,", "\t.", ";."]),
)
@example(edits=[(0.0, 0, b"\xff\xfe")], encoding="utf-8", signs=",.")
def test_any_damage_gives_a_table_or_one_sentence(
    tmp_path: Path, edits: list[tuple[float, int, bytes]], encoding: str, signs: str
) -> None:
    text = ROWS.translate(str.maketrans({",": signs[0], ".": signs[1]}))
    content = bytearray(text.encode(encoding))
    for where, n_removed, added in edits:
        at = int(where * len(content))
        content[at : at + n_removed] = added
    path = write(tmp_path, bytes(content))
    try:
        table = read_traces(path).table
    except ReadError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
        assert len(str(error)) < 500
        assert edits or encoding == "utf-16-le"
    else:
        assert len({len(column) for column in table.values()}) == 1
        assert table["good"].dtype == bool
        assert table["cell"].dtype == table["frame"].dtype == np.int64
        assert table.get("intensity_total", np.zeros(0)).dtype.kind in "iuf"
