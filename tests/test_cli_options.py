"""Options of ``pyama run`` for many FOVs: parts, time limits, a scheduler."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyama_core.cli import main
from pyama_core.cli.report import ProgressBars
from pyama_core.fov_ranges import part_of
from pyama_core.processing.workflow.services.base import NO_PROGRESS, WAITING, ProgressEvent

Pyama = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pyama(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Pyama:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pyama", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


@given(st.integers(0, 300), st.integers(1, 40))
def test_parts_are_all_fovs_once_and_of_nearly_one_size(n_fovs: int, n_parts: int) -> None:
    fovs = list(range(5, 5 + n_fovs))
    parts = [part_of(fovs, f"{i}/{n_parts}") for i in range(1, n_parts + 1)]
    assert [fov for part in parts for fov in part] == fovs
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_a_part_is_one_of_the_fovs_that_are_chosen(pyama: Pyama, small_nd2: Path) -> None:
    options = ("run", small_nd2, "-o", "out", "--pc", "0", "--dry-run")
    assert "segmentation of FOV 1: not done yet" in pyama(*options, "--part", "2/3")[1]
    chosen = pyama(*options, "--fovs", "0,2", "--part", "2/2")
    assert "segmentation of FOV 2: not done yet" in chosen[1]


def test_a_part_without_fovs_is_done_at_once(pyama: Pyama, small_nd2: Path) -> None:
    code, out, err = pyama("run", small_nd2, "-o", "out", "--pc", "0", "--part", "1/9")
    assert (code, err) == (0, "")
    assert "Part 1/9 of FOVs all is empty: nothing is to be done." in out
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--part", "0/3"), '"0/3" is no part of the FOVs: write I/N with I from 1 to N'),
        (("--part", "4/3"), "I from 1 to N"),
        (("--part", "3"), "I from 1 to N"),
        (("--part", "1/0"), "I from 1 to N"),
        (("--part", "\u0663/\u0664"), "I from 1 to N"),
        (("--part", ""), "I from 1 to N"),
        (("--timeout", "0"), "'0' is not a number of seconds above 0"),
        (("--timeout", "-1"), "above 0"),
        (("--timeout", "nan"), "above 0"),
        (("--timeout", "inf"), "above 0"),
        (("--timeout", "1h"), "'1h' is not a number of seconds above 0"),
        (("--scheduler", "head"), '"head", which is no address: write it like tcp://host:8786'),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_what_is_wrong_is_one_sentence_before_any_work(
    pyama: Pyama, small_nd2: Path, options: tuple[str, ...], words: str, dry: tuple[str, ...]
) -> None:
    code, _, err = pyama("run", small_nd2, "-o", "out", "--pc", "0", *options, *dry)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1
    assert not Path("out").exists()


def test_the_environment_names_the_scheduler_unless_an_option_does(
    pyama: Pyama, small_nd2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYAMA_SCHEDULER", "nowhere")
    options = ("run", small_nd2, "-o", "out", "--pc", "0", "--dry-run")
    assert '"nowhere", which is no address' in pyama(*options)[2]
    assert pyama(*options, "--scheduler", "")[0] == 0
    monkeypatch.setenv("PYAMA_SCHEDULER", "")
    assert pyama(*options)[0] == 0


def test_what_is_waited_for_is_a_line_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(1) as bars:
        bars(ProgressEvent(step="tracking", fov=3, t=0, T=9, message="linking"))
        for seconds in (15, 30):
            message = f"{NO_PROGRESS} {seconds} s: its worker is stopped"
            bars(ProgressEvent(step="tracking", fov=3, t=0, T=9, message=message))
        message = f"{NO_PROGRESS} 15 s: waiting for workers"
        bars(ProgressEvent(step=WAITING, fov=-1, t=0, T=1, message=message))
    assert capsys.readouterr().err.splitlines() == [
        "FOV 3: tracking: linking",
        "FOV 3: tracking: no progress for 15 s: its worker is stopped",
        "FOV 3: tracking: no progress for 30 s: its worker is stopped",
        "waiting: no progress for 15 s: waiting for workers",
    ]
