"""Choices of fields of view as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyama_core.errors import InputError
from pyama_core.fov_ranges import format_fovs, parse_fovs


@pytest.mark.parametrize(
    ("text", "fovs"),
    [
        ("all", [0, 1, 2, 3, 4, 5, 6, 7]),
        (" All ", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("3", [3]),
        ("0-2,7", [0, 1, 2, 7]),
        ("0 - 2 , 7", [0, 1, 2, 7]),
        ("7,1,0-1", [0, 1, 7]),
        ("0–2, 5—6", [0, 1, 2, 5, 6]),
    ],
)
def test_numbers_and_inclusive_ranges_are_read(text: str, fovs: list[int]) -> None:
    assert parse_fovs(text, 8) == fovs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", 'write "all"'),
        ("a", '"a"'),
        ("1,,2", 'write "all"'),
        ("-1", '"-1"'),
        ("1.5", '"1.5"'),
        ("3-1", "1-3"),
        ("0-8", "FOV 8 .* 0 to 7"),
        ("9", "there are 8"),
    ],
)
def test_anything_else_is_an_error_that_says_what_to_write(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_fovs(text, 8)


@pytest.mark.parametrize("n_fovs", [8, None])
@pytest.mark.parametrize(
    "text", ["0-99999999999", "0-9999999999, 1", "9" * 5000, "0-" + "9" * 5000, "٣-" + "1" * 100]
)
def test_huge_numbers_are_refused_at_once_and_shortly(text: str, n_fovs: int | None) -> None:
    with pytest.raises(InputError) as caught:
        parse_fovs(text, n_fovs)
    assert len(str(caught.value)) < 200


@given(st.text(max_size=30) | st.text("0123456789-, –", max_size=30))
def test_any_text_is_a_choice_or_one_error(text: str) -> None:
    try:
        fovs = parse_fovs(text, None)
    except InputError as error:
        assert str(error)
    else:
        assert fovs == sorted(set(fovs))
        assert 0 <= fovs[0] <= fovs[-1] < 100_000


@given(st.sets(st.integers(0, 40), min_size=1))
def test_what_is_written_is_read_back(fovs: set[int]) -> None:
    assert parse_fovs(format_fovs(fovs), 41) == sorted(fovs)
