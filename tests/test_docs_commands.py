"""The commands and scripts of the documentation, run as they are written."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pyama_core.io.results import read_results
from pyama_core.processing.workflow.provenance import statuses
from tests.pages import blocks, desk, free_port
from tests.runs import SIZE, context_for, run, small_metadata
from tests.scenes import scene_frame, write_scene

pytestmark = pytest.mark.skipif(os.name == "nt", reason="commands for a POSIX shell")

N_FOVS, N_FRAMES = 5, 4


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nd2") / "experiment.nd2"
    write_scene(path, n_fovs=N_FOVS, n_frames=N_FRAMES, size=SIZE)
    return path


@pytest.fixture
def folder(experiment: Path, tmp_path: Path) -> Path:
    """A folder with the experiment that the documentation speaks of."""
    (tmp_path / "desk").mkdir()
    shutil.copy(experiment, tmp_path / "desk")
    return tmp_path / "desk"


def test_every_command_is_in_a_block_that_is_run() -> None:
    pages = ("batch.md", "cluster.md", "custom-steps.md", "samples.md", "tutorial.md")
    for page in pages:
        for language, text in blocks(page):
            is_command = text.startswith(("pyama ", "dask ", "sbatch ", "python "))
            assert is_command <= (language == "bash"), f"{page}: {text}"


def test_batches_and_an_array_job_of_more_tasks_than_fovs(folder: Path) -> None:
    frames = [[scene_frame(fov, t, SIZE) for t in range(N_FRAMES)] for fov in range(2)]
    np.save(folder / "array.npy", np.stack(frames))
    with desk(folder) as at:
        printed = at.follow("batch.md", anew=["sbatch array.sh"])
        assert "5 of 5 FOVs are done already" in printed
        assert printed.count("is empty: nothing is to be done") == 5 + 2
        assert list(read_results(folder / "out").fovs) == list(range(N_FOVS))
        assert all(not fov.error for fov in statuses(folder / "out").values())
        assert list(read_results(folder / "of_arrays").fovs) == [0, 1]


def test_a_cluster(folder: Path) -> None:
    pytest.importorskip("distributed")
    pytest.importorskip("dask_jobqueue")
    port, port_in_job = free_port(), free_port()
    changes = {
        "head:8786": f"127.0.0.1:{port}",
        "--port 8786 &": f"--port {port_in_job} &",
        "$(hostname):8786": f"$(hostname):{port_in_job}",
        "--port 8786\n": f"--port {port} --host 127.0.0.1 --no-dashboard\n",
        "sleep 20": "sleep 8",
        "--nthreads 1\n": "--nthreads 1 --no-dashboard\n",
    }
    with desk(folder) as at:
        at.replaced = changes
        kinds = ["sbatch --wait cluster.sh", "python run_on_slurm.py", "python run_with_client.py"]
        printed = at.follow("cluster.md", anew=kinds)
        assert printed.count("5 of 5 done") == 4
        assert printed.count(": done\n") == 3 * N_FOVS
        assert printed.endswith("done\n")


def test_steps_of_ones_own(folder: Path) -> None:
    with desk(folder) as at:
        printed = at.follow("custom-steps.md")
        assert "done\n" in printed
        assert len(list(folder.glob("out/fov_*/*_spread.csv"))) == N_FOVS


def test_samples(tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    nd2 = tmp_path / "small.nd2"
    write_scene(nd2, n_fovs=11, n_frames=N_FRAMES, size=SIZE)
    metadata = replace(small_metadata(nd2), n_fovs=11)
    assert run(metadata, context_for(tmp_path / "desk" / "out"))
    with desk(tmp_path / "desk") as at:
        at.follow("samples.md")
        assert (at.folder / "out" / "control_intensity_total_ch_1.csv").exists()


def test_the_tutorial(tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    with desk(tmp_path / "desk") as at:
        at.run("pyama demo")
        printed = at.follow("tutorial.md")
        assert "1 of 1 done" in printed
        (script,) = (text for language, text in blocks("tutorial.md") if language == "python")
        (at.folder / "plot.py").write_text(script)
        at.run("python plot.py")
        assert (at.folder / "traces.png").stat().st_size > 5000
