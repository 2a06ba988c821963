"""Runs on a dask cluster whose scheduler and workers are commands of their own."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pyama_core.errors import InputError, LostError
from pyama_core.io.results import read_results
from pyama_core.processing.workflow.execution import connect
from pyama_core.processing.workflow.execution.cluster import DaskSink
from pyama_core.processing.workflow.execution.connect import cluster_executor
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.provenance import statuses
from pyama_core.processing.workflow.services.base import ProgressEvent
from tests.pages import free_port
from tests.runs import context_for, small_metadata

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

STEPS = '''
import time
from pyama_core.processing.workflow.services.base import BaseProcessingService

class Slow(BaseProcessingService):
    """Takes a while in every FOV, and says so."""

    name = "slow"
    after = "copy"

    def process_fov(self, metadata, context, output_dir, fov):
        for t in range(100):
            time.sleep(0.05)
            self.progress_callback(fov, t, 100, "taking a while")

class Sleeper(BaseProcessingService):
    """Never ends in FOV 1."""

    name = "sleeper"
    after = "copy"

    def process_fov(self, metadata, context, output_dir, fov):
        time.sleep(600 if fov == 1 else 0)
'''


class Cluster:
    """A scheduler, and workers that are at home in another folder than the run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        (folder / "cluster_steps.py").write_text(STEPS)
        (folder / "elsewhere").mkdir()
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"]
        self.scheduler = self._start("scheduler", *where)

    def worker(self, *options: str) -> "subprocess.Popen[bytes]":
        usual = ["--nworkers", "1", "--nthreads", "1", "--no-dashboard"]
        return self._start("worker", self.address, *usual, *options)

    def pyama(self, file: Path, *options: str) -> "subprocess.Popen[str]":
        """Start a run into the folder ``out``, named as seen from the run."""
        command = [sys.executable, "-m", "pyama_core.cli", "run", str(file), "-o", "out"]
        return subprocess.Popen(
            [*command, "--pc", "0", "--fl", "1", *options],
            cwd=self.folder,
            env=self.environment | {"PYAMA_SCHEDULER": self.address},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> None:
        for process in self.processes:
            kill_all(process)

    def _start(self, *words: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            cwd=self.folder / "elsewhere",
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def follow(run: "subprocess.Popen[str]", pattern: str, act: Callable[[], object]) -> str:
    """Read what a run prints, and do something once when it says what is waited for."""
    said, acted = "", False
    assert run.stdout is not None
    with run.stdout as lines:
        for line in lines:
            said += line
            if not acted and re.search(pattern, line):
                acted = True
                act()
    run.wait()
    assert acted, said
    return said


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(folder)
    try:
        yield cluster
    finally:
        cluster.end()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers, each of which has a nanny."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.worker()
        cluster.worker()
        yield cluster


@pytest.fixture
def out(cluster: Cluster) -> Path:
    """The output folder of a new run."""
    folder = cluster.folder / "out"
    if folder.exists():
        folder.rename(cluster.folder / f"out_{time.monotonic_ns()}")
    return folder


def nothing_left(folder: Path) -> bool:
    return not [*folder.rglob(".lock*"), *folder.rglob(".partial-*")]


def test_a_run_from_the_command_line_with_a_step_of_ones_own(
    cluster: Cluster, small_nd2: Path, out: Path
) -> None:
    run = cluster.pyama(small_nd2, "--step", "cluster_steps:Slow")
    said, _ = run.communicate(timeout=120)
    assert run.returncode == 0, said
    assert "3 of 3 done" in said
    assert [f"FOV {fov}: slow: taking a while" in said for fov in range(3)] == [True] * 3
    assert list(read_results(out).fovs) == [0, 1, 2]
    assert nothing_left(out)
    assert list((cluster.folder / "elsewhere").glob("out*")) == []


def test_ctrl_c_stops_the_workers_and_gives_back_the_locks(
    cluster: Cluster, small_nd2: Path, out: Path
) -> None:
    run = cluster.pyama(small_nd2, "--step", "cluster_steps:Slow")
    said = follow(run, "slow: taking", lambda: run.send_signal(signal.SIGINT))
    assert run.returncode == 130, said
    assert "run it again, and it continues from there" in said
    assert nothing_left(out)


def test_a_fov_that_takes_too_long_costs_its_worker_and_no_other_fov(
    cluster: Cluster, small_nd2: Path, out: Path
) -> None:
    run = cluster.pyama(small_nd2, "--step", "cluster_steps:Sleeper", "--timeout", "8")
    said, _ = run.communicate(timeout=120)
    assert run.returncode == 1, said
    assert "sleeper: FOV 1 took more than 8 s of work" in said
    assert "could not be ended" not in said
    assert [bool(status.error) for status in statuses(out).values()] == [False, True, False]
    assert nothing_left(out)


def test_a_lost_worker_costs_no_fov(cluster: Cluster, small_nd2: Path, out: Path) -> None:
    run = cluster.pyama(small_nd2, "--step", "cluster_steps:Slow", "--timeout", "200")
    said = follow(run, "slow: taking", lambda: kill_all(cluster.processes[1]))
    assert run.returncode == 0, said
    assert "3 of 3 done" in said


def test_a_lost_scheduler_ends_the_run(cluster: Cluster, small_nd2: Path, out: Path) -> None:
    """The last one that uses this cluster."""
    run = cluster.pyama(small_nd2, "--step", "cluster_steps:Slow")
    said = follow(run, "slow: taking", lambda: kill_all(cluster.scheduler))
    assert run.returncode == 1, said
    assert f"Error: The connection to the scheduler at {cluster.address} is lost." in said
    assert "Traceback" not in said
    assert nothing_left(out)


def test_without_any_worker_left_the_run_says_so_and_ends(
    small_nd2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyama_core.processing.workflow.execution import cluster as dask_cluster
    from pyama_core.processing.workflow.execution import watch

    monkeypatch.setattr(dask_cluster, "SECONDS_TO_GIVE_UP_WORKERS", 5.0)
    monkeypatch.setattr(watch, "SECONDS_TO_SAY", 0.5)
    said: list[str] = []
    with running_cluster(tmp_path) as lonely:
        worker = lonely.worker("--no-nanny")

        def take_away(event: dict[str, object]) -> None:
            said.append(str(event["message"]))
            if event["step"] == "slow":
                kill_all(worker)

        monkeypatch.syspath_prepend(str(tmp_path))
        import cluster_steps

        with (
            cluster_executor(lonely.address) as executor,
            pytest.raises(LostError, match=r"no workers at the scheduler.*run it again"),
        ):
            run_complete_workflow(
                small_metadata(small_nd2),
                context_for(tmp_path / "out"),
                services=[cluster_steps.Slow()],
                executor=executor,
                progress=take_away,  # type: ignore[arg-type]
            )
    assert any("waiting for workers: the scheduler at tcp://" in message for message in said)
    assert nothing_left(tmp_path / "out")


@pytest.mark.parametrize(
    "address", ["head", "tcp://head", "http://head:8786/status", "8786", "tcp://:8786", "a b:1"]
)
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with (
        pytest.raises(InputError, match=r"is given as .* write it like tcp://host:8786"),
        cluster_executor(address),
    ):
        pass


@pytest.fixture
def two_seconds_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "SECONDS_TO_CONNECT", 2)


def test_where_nobody_answers_the_sentence_comes_in_seconds(two_seconds_to_connect: None) -> None:
    """A port that is closed, and one that accepts and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (free_port(), silent.getsockname()[1]):
            started = time.monotonic()
            with (
                pytest.raises(InputError, match=r"does not answer .*: check its address"),
                cluster_executor(f"tcp://127.0.0.1:{port}"),
            ):
                pass
            assert time.monotonic() - started < 6


def test_another_server_is_not_taken_for_a_scheduler(two_seconds_to_connect: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with (
            pytest.raises(InputError, match="does not answer"),
            cluster_executor(f"tcp://127.0.0.1:{server.getsockname()[1]}"),
        ):
            pass


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(InputError, match=r"install napari-pyama\[cluster\]"),
        cluster_executor("tcp://127.0.0.1:8786"),
    ):
        pass


@pytest.mark.parametrize("error", [OSError("closed"), TimeoutError(), asyncio.CancelledError()])
def test_a_worker_whose_scheduler_is_lost_stops_without_failing_its_fov(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def lost(*given: object) -> None:
        raise error

    monkeypatch.setattr("distributed.Event", lost)
    monkeypatch.setattr("distributed.Queue", lost)
    sink = DaskSink("queue", "stop", fov=0)
    sink.put(ProgressEvent(step="copy", fov=0, t=0, T=1, message=""))
    assert sink.cancelled()
