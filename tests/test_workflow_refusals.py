"""What run_complete_workflow refuses, before any work and without touching what is there."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pyama_core.errors import InputError
from pyama_core.io import MicroscopyMetadata, open_microscopy
from pyama_core.io.results import read_results
from pyama_core.processing.workflow.locks import held_locks
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from tests.runs import context_for, run


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fov_start": 2, "fov_end": 1}, "FOVs 0 to 2"),
        ({"fov_end": 7}, "FOVs 0 to 2"),
        ({"fov_start": "0"}, "FOVs '0' to 2"),
        ({"fovs": [9]}, r"\[9\]"),
        ({"fovs": "0-1"}, "fovs is '0-1': give a list"),
        ({"fovs": 1}, "fovs is 1: give a list"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"n_workers": -2}, "n_workers is -2"),
        ({"n_workers": "2"}, "n_workers is '2'"),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
        ({"keep": "some"}, "keep is 'some': it must be 'all' or 'results'"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(
    metadata: MicroscopyMetadata, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        run(metadata, context_for(tmp_path / "out"), **change)
    assert not (tmp_path / "out").exists()


def test_a_wrong_channel_is_refused_with_the_channels_there_are(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    context = ProcessingContext(tmp_path / "out", Channels(pc=0, fl=["RFP"]))
    with pytest.raises(InputError, match=r"RFP.*GFP"):
        run(metadata, context)


@pytest.mark.parametrize("fl", [None, 1, "GFP"])
def test_fluorescence_channels_that_are_no_list_are_refused(
    metadata: MicroscopyMetadata, tmp_path: Path, fl: Any
) -> None:
    with pytest.raises(InputError, match="give a list"):
        run(metadata, ProcessingContext(tmp_path / "out", Channels(0, fl)))


@pytest.mark.parametrize(
    ("field", "value"), [("n_frames", 99), ("n_fovs", 0), ("n_fovs", 99), ("width", 0)]
)
def test_metadata_that_contradict_the_file_are_refused(
    metadata: MicroscopyMetadata, tmp_path: Path, field: str, value: int
) -> None:
    wrong = replace(metadata, **{field: value})
    with pytest.raises(InputError, match=f"contradict.*{field} is given as {value}, the file has"):
        run(wrong, context_for(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_another_experiments_folder_is_left_alone(
    metadata: MicroscopyMetadata, tmp_path: Path, small_nd2: Path
) -> None:
    run(metadata, context_for(tmp_path), fovs=[0])
    status = tmp_path / "fov_000" / "status.json"
    with open_microscopy(small_nd2) as source:
        status.write_text(status.read_text().replace(source.identity(), "another file"))
    before = status.read_bytes()
    for fov in (0, 1):
        with pytest.raises(InputError, match="fov_000 holds results of another microscopy file"):
            run(metadata, context_for(tmp_path), fovs=[fov])
    assert status.read_bytes() == before
    assert not (tmp_path / "fov_001").exists()


@pytest.mark.parametrize("keep", ["all", "results"])
def test_results_under_another_name_are_not_taken_for_ones_own(
    metadata: MicroscopyMetadata, tmp_path: Path, keep: str
) -> None:
    assert run(metadata, context_for(tmp_path), fovs=[0], keep=keep)
    with pytest.raises(InputError, match=r"holds small_fov_000.*named renamed_fov_000"):
        run(replace(metadata, base_name="renamed"), context_for(tmp_path), fovs=[0])
    assert read_results(tmp_path).fovs[0].traces_csv


def test_another_unit_of_time_is_refused(metadata: MicroscopyMetadata, tmp_path: Path) -> None:
    context = replace(context_for(tmp_path), time_units="s")
    with pytest.raises(InputError, match="times are written in minutes"):
        run(metadata, context)


def test_results_of_pyama_itself_are_left_alone(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    traces = tmp_path / "fov_000" / "small_fov_000_traces_ch_1.csv"
    traces.parent.mkdir()
    traces.write_text("fov,cell,frame,time,good,position_x,position_y,intensity_total,area\n")
    with pytest.raises(InputError, match="results that another program made"):
        run(metadata, context_for(tmp_path), fovs=[1])
    assert list(tmp_path.rglob("*.*")) == [traces]


def test_a_file_in_the_place_of_a_fov_folder_is_named(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    (tmp_path / "fov_001").write_text("mine")
    with pytest.raises(InputError, match=r"fov_001 cannot be written to \(File exists\)"):
        run(metadata, context_for(tmp_path))
    assert (tmp_path / "fov_001").read_text() == "mine"


def test_two_runs_into_one_folder_are_refused(metadata: MicroscopyMetadata, tmp_path: Path) -> None:
    with (
        held_locks([tmp_path / "fov_001" / ".lock"]),
        pytest.raises(InputError, match="being worked on by process"),
    ):
        run(metadata, context_for(tmp_path))
    assert not list((tmp_path / "fov_000").glob(".lock"))
