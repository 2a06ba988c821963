"""The command line as a user meets it: what it prints and how it exits."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pyama_core.cli import main
from pyama_core.cli.report import show_summary
from pyama_core.io.inspection import inspected_path
from pyama_core.io.types import ChannelInfo
from pyama_core.messages import Message
from pyama_core.processing.workflow.locks import held_locks
from pyama_core.processing.workflow.run_records import RunSummary
from tests.reference.nd2_files import layout, random_frames, write_frames
from tests.results_folders import two_channels


@dataclass
class Answer:
    code: int
    out: str
    err: str


Pyama = Callable[..., Answer]


@pytest.fixture
def pyama(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pyama:
    def call(*arguments: str | Path) -> Answer:
        monkeypatch.setattr(sys, "argv", ["pyama", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    return call


def test_info_shows_positions_channels_frames_sizes_and_times(
    pyama: Pyama, small_nd2: Path
) -> None:
    answer = pyama("info", small_nd2)
    assert answer.code == 0
    for fact in ("3 (Pos0, Pos1, Pos2)", "96 x 96 px, uint16", "0.65 um", "Phase", "GFP, emission"):
        assert fact in answer.out
    assert "every 5 min on average, from the frames' own times" in answer.out


def test_debug_information_names_versions_and_system_and_needs_no_file(
    pyama: Pyama, small_nd2: Path
) -> None:
    answer = pyama("info", "--debug")
    assert answer.code == 0
    for name in ("Python", "System", "Processor", "Memory", "napari-pyama", "numpy", "napari"):
        assert f"\n{name} " in f"\n{answer.out}"
    assert "Positions" not in answer.out
    assert "Positions   3" in pyama("info", "--debug", small_nd2).out


def test_names_of_any_alphabet_are_printed_on_any_console(tmp_path: Path) -> None:
    loops = layout()
    path = tmp_path / "movie.nd2"
    write_frames(path, random_frames(loops), loops, channels=(ChannelInfo("位相"),))
    done = subprocess.run(
        [sys.executable, "-m", "pyama_core.cli", "info", str(path)],
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert r"Channel 0   \u4f4d\u76f8" in done.stdout


def test_run_ends_with_a_table_and_an_overview(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    answer = pyama("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fl", "GFP", "--fovs", "0,2")
    assert answer.code == 0, answer.err
    for fact in ("2 of 2 done", "Cells     4", "Failures  none", "segmentation"):
        assert fact in answer.out
    assert (tmp_path / "overview.png").stat().st_size > 10_000
    assert (tmp_path / "recipe.yaml").exists()
    assert (tmp_path / "traces.csv").exists()
    again = pyama("run", small_nd2, "-o", tmp_path, "--recipe", tmp_path / "recipe.yaml")
    assert again.code == 0
    assert "2 of 3 FOVs are done already" in again.out


def test_a_channel_that_is_segmented_and_measured_is_doubted(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    arguments = ("run", small_nd2, "-o", tmp_path, "--dry-run", "--fl", "GFP", "--pc")
    assert "Warning: Channel 1 (GFP) is segmented and measured" in pyama(*arguments, "1").out
    assert "Warning" not in pyama(*arguments, "0").out


def test_a_run_that_finds_no_cells_says_so(pyama: Pyama, small_nd2: Path, tmp_path: Path) -> None:
    answer = pyama(
        *("run", small_nd2, "-o", tmp_path, "--pc", "0", "--set", "segmentation.min_size=9000")
    )
    assert answer.code == 0
    assert "Warning: FOV 0-2: No cells were found: check the segmentation." in answer.out
    assert "max_distance" not in answer.out


@pytest.mark.parametrize(
    ("period_ms", "words"),
    [
        (40.0, "0 to 120 ms, every 40 ms"),
        (1500.0, "0 to 4.5 s, every 1.5 s"),
        (1.2e6, "0 to 1 h, every 20 min"),
    ],
)
def test_intervals_have_the_unit_that_fits(
    pyama: Pyama, tmp_path: Path, period_ms: float, words: str
) -> None:
    loops = layout(n_frames=4)
    path = tmp_path / "movie.nd2"
    write_frames(path, random_frames(loops), loops, frame_times_ms=np.arange(4) * period_ms)
    assert words in pyama("info", path).out


def test_the_seconds_are_those_of_this_run(pyama: Pyama, small_nd2: Path, tmp_path: Path) -> None:
    arguments = ("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fovs", "0")
    first = pyama(*arguments)
    assert "in all; work by step: copy" in first.out
    assert "in all; nothing was left to do" in pyama(*arguments).out
    assert "in all; nothing was left to do" in pyama(*arguments, "--keep", "results").out
    changed = pyama(*arguments, "--set", "extraction.min_trace_length=2")
    # Extraction counts saturated pixels in the raw frames, which had been removed.
    assert re.search(r"in all; work by step: copy [\d.]+, extraction [\d.]+\n", changed.out)


def test_where_the_first_step_failed_no_step_was_done(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    (tmp_path / "fov_000" / "small_fov_000_pc_ch_0.npy").mkdir(parents=True)
    answer = pyama("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fovs", "0")
    assert answer.code == 1
    assert "in all; no step was done" in answer.out


def test_a_dry_run_says_what_and_why_and_writes_nothing(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    answer = pyama("run", small_nd2, "-o", tmp_path / "out", "--pc", "0", "--dry-run")
    assert answer.code == 0
    assert "segmentation of FOV 0-2: not done yet" in answer.out
    assert "GB needed" in answer.out
    assert not (tmp_path / "out").exists()


@contextmanager
def a_file_in_the_way(folder: Path) -> Iterator[str]:
    folder.write_text("mine")
    yield "out cannot be written to"


@contextmanager
def a_file_in_the_place_of_a_fov(folder: Path) -> Iterator[str]:
    folder.mkdir()
    (folder / "fov_001").write_text("mine")
    yield "fov_001 cannot be written to"


@contextmanager
def another_run(folder: Path) -> Iterator[str]:
    with held_locks([folder / "fov_001" / ".lock"]):
        yield "fov_001 is being worked on by process"


@contextmanager
def a_full_disk(folder: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
        yield "out has 0.00 GB free: free some space"


@pytest.mark.parametrize(
    "obstacle", [a_file_in_the_way, a_file_in_the_place_of_a_fov, another_run, a_full_disk]
)
def test_a_dry_run_is_refused_as_the_run_would_be(
    obstacle: Callable[[Path], AbstractContextManager[str]],
    pyama: Pyama,
    small_nd2: Path,
    tmp_path: Path,
) -> None:
    arguments = ("run", small_nd2, "-o", tmp_path / "out", "--pc", "0")
    with obstacle(tmp_path / "out") as words:
        before = sorted(tmp_path.rglob("*"))
        dry = pyama(*arguments, "--dry-run")
        assert sorted(tmp_path.rglob("*")) == before
        real = pyama(*arguments)
    assert (dry.code, real.code) == (2, 2)
    assert words in dry.err
    assert words in real.err
    assert "segmentation of FOV 0-2: not done yet" in dry.out


@pytest.mark.parametrize("listed", ["1, 0", "GFP,Phase"])
def test_channels_may_be_listed_with_commas(
    pyama: Pyama, small_nd2: Path, tmp_path: Path, listed: str
) -> None:
    answer = pyama("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fl", listed, "--dry-run")
    assert "Channel 0 (Phase) is segmented and measured" in answer.out


def test_traces_that_are_not_good_are_counted_by_reason(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    answer = pyama(
        *("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fl", "1", "--fovs", "0"),
        *("--set", "extraction.min_trace_length=9"),
    )
    assert "Traces    2, 0 of them good; 2 shorter than 9 frames" in answer.out


def test_parquet_needs_the_folder_of_a_run(pyama: Pyama, tmp_path: Path) -> None:
    answer = pyama("parquet", tmp_path)
    assert answer.code == 2
    assert "traces.csv: give the output folder of a run" in answer.err


def test_a_failed_fov_gives_exit_code_1_and_its_reason(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    (tmp_path / "fov_001" / "small_fov_001_seg_ch_0.npy").mkdir(parents=True)
    answer = pyama("run", small_nd2, "-o", tmp_path, "--pc", "0")
    assert answer.code == 1
    assert "FOV 1: " in answer.out
    status = pyama("status", tmp_path)
    assert status.code == 1
    assert "segmentation failed, correction missing" in status.out


def test_a_run_says_what_it_makes_again_and_why(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    arguments = ("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fovs", "0")
    assert "not done yet" not in pyama(*arguments).out
    next(tmp_path.glob("fov_000/*lineage*")).unlink()
    again = pyama(*arguments).out
    assert "tracking of FOV 0: small_fov_000_lineage_ch_0.csv is gone" in again
    assert "work by step: tracking" in again


def test_of_many_messages_the_heaviest_and_those_of_most_fovs_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    messages = {Message(f"message {n}"): [n] for n in range(20)}
    messages |= {Message("of all"): list(range(20)), Message("of one", "warning"): [3]}
    show_summary(RunSummary(messages=messages), 1.0)
    lines = capsys.readouterr().out.splitlines()
    shown = [line for line in lines if line.startswith(("Info", "Warning"))]
    assert shown[:2] == ["Warning: FOV 3: of one", "Info: FOV 0-19: of all"]
    assert len(shown) == 8
    assert lines[-1].startswith("... and 14 more messages")


def test_status_shows_warnings_and_where_asked_all_messages(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    pyama("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fovs", "0")
    assert "Info: tracking.max_distance" in pyama("status", tmp_path, "--messages").out
    assert "Info" not in pyama("status", tmp_path).out
    pyama("run", small_nd2, "-o", tmp_path, "--pc", "0", "--set", "segmentation.min_size=9000")
    assert "Warning: No cell is found" in pyama("status", tmp_path).out


def test_fovs_of_different_recipes_are_named_by_run_status_and_merge(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    out, samples = tmp_path / "out", tmp_path / "samples.yaml"
    samples.write_text("samples: [{name: A, fovs: all}]")
    arguments = ("run", small_nd2, "-o", out, "--pc", "0", "--fl", "1", "--fovs")
    words = "Warning: FOVs were made with different recipes: tracking.max_gap is"
    assert words not in pyama(*arguments, "0").out
    assert words in pyama(*arguments, "1", "--set", "tracking.max_gap=4").out
    assert words in pyama("status", out).out
    assert words in pyama("merge", out, samples).out
    assert pyama(*arguments, "1").code == 0
    assert words not in pyama("status", out).out
    assert words not in pyama("merge", out, samples).out


def test_status_tells_of_the_last_run_and_of_killed_ones(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    assert pyama("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fovs", "0").code == 0
    (path,) = (tmp_path / "runs").iterdir()
    told = json.loads(path.read_bytes())
    told |= {"outcome": "running", "fovs": "7", "process": told["process"] | {"started": "1"}}
    told |= {"started": "2020-01-01", "seconds": 0}
    path.with_name("0-killed.json").write_text(json.dumps(told))
    answer = pyama("status", tmp_path)
    assert answer.code == 0
    first, last = answer.out.splitlines()[-2:]
    assert first == "Run of FOV 7, started 2020-01-01: killed"
    assert last.startswith("Run of FOV 0, started 20") and ": done, " in last


def test_a_damaged_status_file_is_said_and_its_fov_done_again(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    arguments = ("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fovs", "0-1")
    assert pyama(*arguments).code == 0
    (tmp_path / "fov_001" / "status.json").write_text("{")
    status = pyama("status", tmp_path)
    assert status.code == 1
    assert "status.json is damaged: its FOV is done again by a run." in status.out
    again = pyama(*arguments)
    assert again.code == 0
    assert "segmentation of FOV 1: its status file is damaged" in again.out
    assert pyama("status", tmp_path, "--verify").code == 0


def test_status_verifies_content(pyama: Pyama, small_nd2: Path, tmp_path: Path) -> None:
    pyama("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fovs", "0")
    well = pyama("status", tmp_path, "--verify")
    assert (well.code, "as it was written" in well.out) == (0, True)
    stack = next(tmp_path.glob("fov_000/*_pc_ch_0.npy"))
    damaged = bytearray(stack.read_bytes())
    damaged[-1] ^= 1
    stack.write_bytes(damaged)
    assert pyama("status", tmp_path).code == 0
    found = pyama("status", tmp_path, "--verify")
    assert found.code == 1
    assert "changed or damaged" in found.out
    stack.rename(tmp_path / "elsewhere.npy")
    stack.symlink_to("/dev/zero")
    found = pyama("status", tmp_path, "--verify")
    assert found.code == 1
    assert "link out of the folder" in found.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["info"], "Missing argument 'FILE': name a microscopy file."),
        (["info", "nowhere.nd2"], "nowhere.nd2"),
        (["info", "text.nd2"], "text.nd2"),
        (["info", "empty.nd2"], "empty.nd2"),
        (["run", "FILE", "-o", "out"], "--pc"),
        (["run", "FILE", "-o", "out", "--pc", "7"], "no channel 7"),
        (["run", "FILE", "-o", "out", "--pc", "0", "--fl", "RFP"], "RFP"),
        (["run", "FILE", "-o", "out", "--pc", "0", "--fovs", "0-9"], "0-9"),
        (["run", "FILE", "-o", "out", "--pc", "0", "--fovs", "x"], "x"),
        (["run", "FILE", "-o", "out", "--pc", "0", "--workers", "0"], "'0' is not a whole number"),
        (["run", "FILE", "-o", "out", "--batch-size", "x"], "'x' is not a whole number"),
        (["run", "FILE", "-o", "out", "--keep", "some"], "'some' is not one of 'all', 'results'."),
        (["run", "FILE", "--pc", "0"], "'--output'. `pyama run --help`"),
        (["run", "--nonsense"], "No such option: --nonsense. `pyama run --help` says"),
        (["inf"], "'inf'. Did you mean 'info'? `pyama --help` says what is allowed."),
        (["run", "FILE", "-o", "out", "--pc", "0", "--set", "a=1"], "a"),
        (["run", "FILE", "-o", "out", "--pc", "0", "--set", "copy.z=9"], "copy.z"),
        (["run", "FILE", "-o", "out", "--pc", "0", "--set", f"a.b={'[' * 3000}"], "valid YAML"),
        (["run", "FILE", "-o", "out", "--pc", "0", "--set", f"a.b={'9' * 6000}"], "valid YAML"),
        (["run", "FILE", "-o", "out", "--pc", "0", "--set", "a.b=&x [*x]"], "valid YAML"),
        (
            ["run", "FILE", "-o", "out", "--pc", "0", "--set", "copy.z={RFP: max}"],
            "channel named 'RFP'",
        ),
        (
            ["run", "FILE", "-o", "out", "--pc", "0", "--set", "segmentation.method=magic"],
            "magic",
        ),
        (["run", "FILE", "-o", "out", "--pc", "0", "--set", "tracking.method=magic"], "magic"),
        (["run", "FILE", "-o", "out", "--pc", "0", "--recipe", "text.nd2"], "text.nd2"),
        (["run", "FILE", "-o", "text.nd2/out", "--pc", "0"], "text.nd2/out"),
        (["status", "nowhere"], "nowhere"),
    ],
)
def test_a_users_mistake_is_one_sentence_and_exit_code_2(
    arguments: list[str],
    words: str,
    pyama: Pyama,
    small_nd2: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.nd2").write_text("this is not a microscopy file")
    Path("empty.nd2").touch()
    answer = pyama(*(str(small_nd2) if word == "FILE" else word for word in arguments))
    assert answer.code == 2
    assert words in answer.err
    assert "Traceback" not in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_without_arguments_the_commands_are_shown(arguments: tuple[str, ...], pyama: Pyama) -> None:
    answer = pyama(*arguments)
    assert answer.code == 0
    assert "status   Show what an output folder holds" in answer.out


def test_the_version_is_that_of_the_package(pyama: Pyama) -> None:
    answer = pyama("--version")
    assert (answer.code, answer.out) == (0, f"napari-pyama {version('napari-pyama')}\n")


def test_what_the_system_refuses_is_one_sentence(pyama: Pyama, small_nd2: Path) -> None:
    answer = pyama("merge", small_nd2.parent, small_nd2.parent / "nowhere.yaml")
    assert answer.code == 2
    assert "nowhere.yaml cannot be used (No such file or directory): check path" in answer.err
    assert answer.err.count("\n") == 1


def test_a_merge_names_its_tables_then_what_is_to_be_known(pyama: Pyama, tmp_path: Path) -> None:
    index = two_channels(tmp_path / "out")
    damaged = inspected_path(dict(index.fovs[0].traces_csv)[1])
    damaged.write_text("cell,frame,good\n1,0,perhaps\n")
    (tmp_path / "samples.yaml").write_text("samples: [{name: A, fovs: all}]")
    answer = pyama("merge", tmp_path / "out", tmp_path / "samples.yaml", "-o", tmp_path / "merged")
    assert answer.code == 0
    *tables, warning = answer.out.splitlines()
    assert sorted(tables) == sorted(map(str, (tmp_path / "merged").iterdir()))
    assert warning.startswith("Warning: ")
    assert damaged.name in warning


@pytest.mark.parametrize("damage", ["no tables", "damaged table", "far FOV", "damaged samples"])
def test_a_merge_that_cannot_be_is_one_sentence_and_writes_nothing(
    pyama: Pyama, tmp_path: Path, damage: str
) -> None:
    index = two_channels(tmp_path / "out")
    fovs = "0-9999999999" if damage == "far FOV" else "all"
    samples = "samples: [[" if damage == "damaged samples" else "samples: [{name: A, fovs: %s}]"
    (tmp_path / "samples.yaml").write_text(samples.replace("%s", fovs))
    traces = [path for files in index.fovs.values() for _, path in files.traces_csv]
    for path in traces if damage == "no tables" else traces[-1:]:
        if damage == "no tables":
            path.unlink()
            path.with_name(path.name.replace("traces_ch", "seg_ch")).touch()
        elif damage == "damaged table":
            path.write_bytes(path.read_bytes()[:-30])
    answer = pyama("merge", tmp_path / "out", tmp_path / "samples.yaml", "-o", tmp_path / "merged")
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("Error: ")
    assert answer.err.count("\n") == 1
    assert not (tmp_path / "merged").exists()


def test_a_table_left_out_of_all_traces_is_said(
    pyama: Pyama, small_nd2: Path, tmp_path: Path
) -> None:
    """It lies there as PyAMA would leave it, without a status file, and is damaged."""
    assert pyama("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fovs", "0-1").code == 0
    (tmp_path / "fov_001" / "status.json").unlink()
    (tmp_path / "fov_001" / "small_fov_001_traces_ch_0.csv").write_bytes(b"\xff\xfe\x00")
    answer = pyama("run", small_nd2, "-o", tmp_path, "--pc", "0", "--fovs", "0")
    assert answer.code == 0
    assert "Warning: Traces are left out of traces.csv: " in answer.out
