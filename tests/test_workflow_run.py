"""run_complete_workflow on a real ND2 file with real worker processes."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyama_core.io import ArraySource, MicroscopyMetadata
from pyama_core.io.results import read_results
from pyama_core.io.tables import read_table
from pyama_core.processing.workflow.index import ResultsKeeper
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.planning import prepare_run
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from tests.runs import N_FOVS, N_FRAMES, SIZE, context_for, run
from tests.scenes import MINUTES_PER_FRAME, scene_frame


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

    with pytest.raises(InterruptedError, match="continues from there"):
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


def test_a_fov_whose_status_file_was_removed_is_done_again(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    assert run(metadata, context_for(tmp_path), fovs=[0])
    (tmp_path / "fov_000" / "status.json").unlink()
    assert run(metadata, context_for(tmp_path), fovs=[0])


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
