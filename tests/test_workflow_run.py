"""run_complete_workflow on a real ND2 file with real worker processes."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyama_core.errors import InputError
from pyama_core.io import ArraySource, MicroscopyMetadata, open_microscopy
from pyama_core.io.results import read_results
from pyama_core.io.tables import read_table
from pyama_core.processing.workflow.index import ResultsKeeper
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.prepare import prepare_run
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from tests.scenes import MINUTES_PER_FRAME, scene_frame

SIZE, N_FRAMES, N_FOVS = 96, 4, 3


@pytest.fixture
def metadata(small_nd2: Path) -> MicroscopyMetadata:
    return MicroscopyMetadata(
        file_path=small_nd2,
        base_name="small",
        n_fovs=N_FOVS,
        n_frames=N_FRAMES,
        height=SIZE,
        width=SIZE,
    )


def context_for(folder: Path, **params: Any) -> ProcessingContext:
    return ProcessingContext(output_dir=folder, channels=Channels(pc=0, fl=[1]), params=params)


def run(metadata: MicroscopyMetadata, context: ProcessingContext, **options: Any) -> bool:
    with ThreadPoolExecutor(2) as executor:
        return run_complete_workflow(metadata, context, executor=executor, **options)


def test_worker_processes_write_every_file_of_the_layout(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    context = context_for(tmp_path / "out")
    assert run_complete_workflow(metadata, context, fov_start=0, fov_end=1)
    assert list(context.results_paths) == [0, 1]
    paths = context.results_paths[1]
    shape = (N_FRAMES, SIZE, SIZE)
    assert paths.pc and paths.seg and paths.seg_labeled and paths.lineage
    for (_, path), dtype in [
        (paths.pc, np.uint16),
        (paths.fl[0], np.uint16),
        (paths.seg, np.bool_),
        (paths.seg_labeled, np.uint16),
        (paths.fl_corrected[0], np.float32),
    ]:
        stack = np.load(path, mmap_mode="r")
        assert stack.shape == shape
        assert stack.dtype == dtype
        assert path.parent == tmp_path / "out" / "fov_001"


def test_raw_copies_are_the_files_own_pixels(metadata: MicroscopyMetadata, tmp_path: Path) -> None:
    context = context_for(tmp_path)
    run(metadata, context, fovs=[2])
    paths = context.results_paths[2]
    assert paths.pc
    for t in range(N_FRAMES):
        expected = scene_frame(2, t, SIZE)
        np.testing.assert_array_equal(np.load(paths.pc[1])[t], expected[0])
        np.testing.assert_array_equal(np.load(paths.fl[0][1])[t], expected[1])


def test_traces_have_two_brightening_cells_with_times_in_minutes(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    context = context_for(tmp_path, correction={"spatial_window": 32})
    run(metadata, context, fovs=[0])
    table = read_table(context.results_paths[0].traces_csv[0][1])
    assert set(table["cell"]) == {1, 2}
    for cell in (1, 2):
        mine = table["cell"] == cell
        np.testing.assert_allclose(table["time"][mine], np.arange(N_FRAMES) * MINUTES_PER_FRAME)
        assert np.all(np.diff(table["intensity_total"][mine]) > 0)


def test_a_second_call_does_nothing_again(metadata: MicroscopyMetadata, tmp_path: Path) -> None:
    run(metadata, context_for(tmp_path), fovs=[0])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("fov_*/*")}
    again = context_for(tmp_path)
    assert run(metadata, again, fovs=[0])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("fov_*/*")} == before
    assert again.results_paths[0].traces_csv


def test_numbers_may_be_numpys(metadata: MicroscopyMetadata, tmp_path: Path) -> None:
    section = {"threshold": np.float64(0.5), "min_size": np.int64(50)}
    context = context_for(tmp_path, segmentation=section)
    assert run(metadata, context, fovs=np.arange(2))
    params = read_results(tmp_path).params
    assert params == {"segmentation": {"threshold": 0.5, "min_size": 50}}


@pytest.mark.parametrize("channels", [Channels(pc=1, fl=[0]), Channels(pc=0, fl=[0, 1])])
def test_channels_may_change_their_roles(
    metadata: MicroscopyMetadata, tmp_path: Path, channels: Channels
) -> None:
    assert run(metadata, context_for(tmp_path), fovs=[0])
    context = replace(context_for(tmp_path), channels=channels)
    assert run(metadata, context, fovs=[0])
    assert [channel for channel, _ in context.results_paths[0].fl] == channels.fl
    assert [channel for channel, _ in context.results_paths[0].traces_csv] == channels.fl


def test_the_index_collects_fovs_of_several_runs(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    run(metadata, context_for(tmp_path), fovs=[0])
    run(metadata, context_for(tmp_path), fovs=[2])
    assert sorted(read_results(tmp_path).fovs) == [0, 2]


def test_the_index_holds_fovs_that_another_run_finished_meanwhile(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    """As in a SLURM array: one folder, and FOVs that differ."""

    assert run(metadata, context_for(tmp_path), fovs=[0])
    keeper = ResultsKeeper(prepare_run(metadata, context_for(tmp_path), [0]), "all")
    assert run(metadata, context_for(tmp_path), fovs=[1])
    keeper.close("done")
    assert list(read_results(tmp_path).fovs) == [0, 1]
    table = (tmp_path / "traces.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0] for row in table} == {"0", "1"}


def test_finished_fovs_are_pruned_when_asked_for_later(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    assert run(metadata, context_for(tmp_path), fovs=[0])
    assert run(metadata, context_for(tmp_path), fovs=[0], keep="results")
    assert not list(tmp_path.glob("fov_000/*_pc_ch_0.npy"))
    assert list(tmp_path.glob("fov_000/*_seg_labeled_ch_0.npy"))


def test_progress_events_have_the_specified_keys_and_are_ready_for_json(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    events: list[Any] = []
    run(metadata, context_for(tmp_path), fovs=[0, 1], progress=events.append)
    assert all(set(event) == {"step", "fov", "t", "T", "message"} for event in events)
    assert json.loads(json.dumps(events)) == events
    steps = {event["step"] for event in events}
    assert {"copy", "segmentation", "correction", "tracking", "extraction", "workflow"} <= steps


def test_a_progress_callable_that_raises_does_not_stop_the_run(
    metadata: MicroscopyMetadata, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(event: Any) -> None:
        raise RuntimeError("monitor is down")

    assert run(metadata, context_for(tmp_path), fovs=[0], progress=failing)
    assert "monitor is down" in caplog.text


def test_a_failure_stays_in_its_fov(metadata: MicroscopyMetadata, tmp_path: Path) -> None:
    (tmp_path / "fov_001" / "small_fov_001_seg_ch_0.npy").mkdir(parents=True)
    context = context_for(tmp_path)
    assert not run(metadata, context)
    assert context.results_paths[0].traces_csv
    assert context.results_paths[2].traces_csv
    assert not context.results_paths[1].traces_csv
    status = json.loads((tmp_path / "fov_001" / "status.json").read_text())
    assert status["steps"]["segmentation"]["state"] == "failed"


class Raising(BaseProcessingService):
    name = "raising"

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def process_fov(self, *given: Any) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InterruptedError(), "nobody had cancelled"),
        (SystemExit(3), "raising: SystemExit: 3"),
        (KeyError("a"), "raising: KeyError: 'a'"),
    ],
)
def test_whatever_a_step_raises_its_fov_has_failed(
    metadata: MicroscopyMetadata, tmp_path: Path, error: BaseException, words: str
) -> None:
    assert not run(metadata, context_for(tmp_path), fovs=[0], services=[Raising(error)])
    assert words in read_results(tmp_path).extra["failures"]["0"]


def test_cancelling_raises_and_the_next_call_goes_on(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    cancel = threading.Event()

    def cancel_at_first_fov(event: Any) -> None:
        if event["step"] == "workflow":
            cancel.set()

    with pytest.raises(InterruptedError, match="goes on from there"):
        run(
            metadata,
            context_for(tmp_path),
            progress=cancel_at_first_fov,
            cancel=cancel,
            batch_size=1,
            n_workers=1,
        )
    assert not list(tmp_path.glob("**/.partial-*"))
    assert not list(tmp_path.glob("**/.lock"))
    assert run(metadata, context_for(tmp_path))


def test_keeping_only_results_removes_stacks_and_redoes_nothing(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    context = context_for(tmp_path)
    assert run(metadata, context, fovs=[0], keep="results")
    paths = context.results_paths[0]
    assert paths.seg_labeled and paths.traces_csv and paths.background
    assert paths.pc is None and not paths.fl and not paths.fl_corrected and paths.seg is None
    before = paths.traces_csv[0][1].stat().st_mtime_ns
    assert run(metadata, context, fovs=[0], keep="results")
    assert paths.traces_csv[0][1].stat().st_mtime_ns == before


def test_without_fluorescence_there_are_shapes_only(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    context = ProcessingContext(output_dir=tmp_path, channels=Channels(pc="Phase"))
    assert run(metadata, context, fovs=[0])
    table = read_table(context.results_paths[0].traces_csv[0][1])
    assert "area" in table
    assert "intensity_total" not in table


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


def test_a_fov_whose_status_file_was_removed_is_done_again(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    assert run(metadata, context_for(tmp_path), fovs=[0])
    (tmp_path / "fov_000" / "status.json").unlink()
    assert run(metadata, context_for(tmp_path), fovs=[0])


def test_a_file_in_the_place_of_a_fov_folder_is_named(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    (tmp_path / "fov_001").write_text("mine")
    with pytest.raises(InputError, match=r"fov_001 cannot be written to \(File exists\)"):
        run(metadata, context_for(tmp_path))
    assert (tmp_path / "fov_001").read_text() == "mine"


def test_two_runs_into_one_folder_are_refused(metadata: MicroscopyMetadata, tmp_path: Path) -> None:
    from pyama_core.processing.workflow.locks import held_locks

    with (
        held_locks([tmp_path / "fov_001" / ".lock"]),
        pytest.raises(InputError, match="being worked on by process"),
    ):
        run(metadata, context_for(tmp_path))
    assert not list((tmp_path / "fov_000").glob(".lock"))


@pytest.mark.parametrize("processes", [False, True])
def test_jobs_run_on_a_dask_cluster(
    metadata: MicroscopyMetadata, tmp_path: Path, processes: bool
) -> None:
    distributed = pytest.importorskip("distributed")
    events: list[Any] = []
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=processes, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        context = context_for(tmp_path)
        assert run_complete_workflow(
            metadata, context, fovs=[0], executor=client.get_executor(), progress=events.append
        )
    assert context.results_paths[0].traces_csv
    assert {"copy", "extraction"} <= {event["step"] for event in events}


def test_arrays_go_through_the_same_workflow(small_nd2: Path, tmp_path: Path) -> None:
    frames = np.stack(
        [[scene_frame(fov, t, SIZE) for t in range(N_FRAMES)] for fov in range(N_FOVS)]
    )
    source = ArraySource(frames, axes="PTCYX", channels=["Phase", "GFP"], name="array")
    context = context_for(tmp_path)
    assert run_complete_workflow(source.metadata, context, source=source, fovs=[0, 1])
    paths = context.results_paths[1]
    assert paths.pc
    np.testing.assert_array_equal(np.load(paths.pc[1]), frames[1, :, 0])
    assert run_complete_workflow(source.metadata, context_for(tmp_path), source=source, fovs=[0])
