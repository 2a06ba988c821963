"""How steps reach the workers: pickled where the run is, never by starting it again."""

import os
import pickle
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from pyama_core.errors import InputError
from pyama_core.io import MicroscopyMetadata
from pyama_core.processing.workflow.execution.calls import Call, PickledCall
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.step_order import load_step
from tests.runs import N_FRAMES, SIZE, context_for, small_metadata

STEP = """
from pyama_core.processing.workflow.services.base import BaseProcessingService

class Mark(BaseProcessingService):
    name = "mark"

    def process_fov(self, metadata, context, output_dir, fov):
        (output_dir / f"fov_{fov:03d}" / "mark").touch()
"""
RUN = """
from pathlib import Path
from pyama_core.io import open_microscopy
from pyama_core.processing.workflow.pipeline import run_complete_workflow
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext

with open_microscopy(FILE) as source:
    metadata = source.metadata
context = ProcessingContext(Path("out"), Channels(pc=0))
print(run_complete_workflow(metadata, context, fovs=[0], services=[SERVICES]))
"""
HANGS_NO_LONGER_THAN = 60
HOW = 'begin it under `if __name__ == "__main__":`, or keep the step in a module of its own.'

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def python(small_nd2: Path, tmp_path: Path) -> Python:
    """Write modules, then run Python with some arguments."""

    def call(*arguments: str, **modules: str) -> subprocess.CompletedProcess[str]:
        for name, text in modules.items():
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace("FILE", repr(str(small_nd2))))
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=HANGS_NO_LONGER_THAN,
        )

    return call


def run_of(services: str) -> str:
    return RUN.replace("SERVICES", services)


def test_a_script_with_step_and_run_is_run(python: Python, tmp_path: Path) -> None:
    done = python("script.py", script=STEP + run_of("Mark()"))
    assert done.stdout == "True\n", done.stderr
    assert (tmp_path / "out/fov_000/mark").exists()


def test_a_module_that_is_imported_runs_with_the_step_of_another(
    python: Python, tmp_path: Path
) -> None:
    done = python(
        "-c",
        "import analysis",
        steps=STEP,
        analysis="from steps import Mark\n" + run_of("Mark()"),
    )
    assert done.stdout == "True\n", done.stderr
    assert (tmp_path / "out/fov_000/mark").exists()


def test_a_module_that_runs_its_own_step_while_imported_is_refused(python: Python) -> None:
    done = python("-c", "import script", script=STEP + run_of("Mark()"))
    assert done.returncode == 1
    assert f"import script, which starts this run while it is imported: {HOW}" in done.stderr


def test_a_package_that_starts_the_run_is_refused_too(python: Python) -> None:
    done = python(
        "-c",
        "import package",
        **{
            "package/__init__": "import package.analysis\n",
            "package/steps": STEP,
            "package/analysis": "from package.steps import Mark\n" + run_of("Mark()"),
        },
    )
    assert done.returncode == 1
    assert "import package, which starts this run while it is imported" in done.stderr


@pytest.mark.parametrize("services", ["Mark()", ""])
def test_a_script_named_with_step_is_refused_in_a_sentence(
    python: Python, small_nd2: Path, services: str
) -> None:
    options = ["run", str(small_nd2), "-o", "out", "--pc", "0", "--step", "script:Mark"]
    done = python("-m", "pyama_core.cli", *options, script=STEP + run_of(services))
    assert done.returncode == 2
    assert done.stderr == (
        f'Error: The step "script:Mark" cannot be loaded: Importing script starts a run: {HOW}\n'
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nowhere", "No module named"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("open('gone')", "gone cannot be used"),
        ("x = 1", "has no attribute 'Step'"),
        ("class Step:\n    def __init__(self, needed): ...", "needed"),
        ("class Step: ...", "must derive from BaseProcessingService"),
    ],
)
def test_a_step_that_cannot_be_loaded_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"broken_{abs(hash(text))}"
    Path(f"{name}.py").write_text(text)
    with pytest.raises(InputError, match=words):
        load_step(f"{name}:Step")


class Holds(BaseProcessingService):
    """Holds what cannot be copied."""

    name = "holder"

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def process_fov(self, metadata, context, output_dir, fov):  # type: ignore[no-untyped-def]
        with self.lock:
            pass


def test_a_step_that_cannot_be_copied_is_refused_by_name_but_runs_in_threads(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r'step "holder" cannot be sent to a worker .*lock'):
        run_complete_workflow(metadata, context_for(tmp_path), services=[Holds()])
    assert not list(tmp_path.rglob(".lock"))
    with ThreadPoolExecutor(2) as executor:
        assert run_complete_workflow(
            metadata, context_for(tmp_path), services=[Holds()], executor=executor
        )


def test_what_a_worker_cannot_load_fails_in_a_sentence(python: Python) -> None:
    done = python(
        "-c",
        textwrap.dedent(
            """
        import pickle, sys, steps
        from pyama_core.processing.workflow.execution.calls import Call

        sent = pickle.dumps(Call(steps.Mark))
        del sys.modules["steps"]
        sys.path.remove("")
        try:
            pickle.loads(sent)()
        except ValueError as error:
            print(error)
        """
        ),
        steps=STEP,
    )
    assert "cannot load what it is to do (ModuleNotFoundError: No module named 'steps')" in (
        done.stdout
    ), done.stderr


def add(a: int, b: int) -> int:
    return a + b


def test_a_call_is_the_same_here_and_where_it_arrives() -> None:
    call = Call(add, 1, 2)
    arrived = pickle.loads(pickle.dumps(call))
    assert isinstance(arrived, PickledCall)
    assert call() == arrived() == 3


class Keeps(BaseProcessingService):
    """A careless step, which keeps what belongs to a FOV on itself while it works."""

    name = "keeper"

    def process_fov(self, metadata, context, output_dir, fov):  # type: ignore[no-untyped-def]
        self.fov = fov
        for t in range(20):
            self.progress_callback(fov, t, 20, f"at {self.fov}")
        context.add_message(fov, f"This is {self.fov}.")


def test_what_belongs_to_a_fov_stays_with_it_in_threads(
    metadata: MicroscopyMetadata, tmp_path: Path
) -> None:
    from pyama_core.processing.workflow.status import read_status

    events: list[Any] = []
    service = Keeps()
    context = context_for(tmp_path)
    with ThreadPoolExecutor(3) as executor:
        assert run_complete_workflow(
            metadata,
            context,
            services=[service],
            executor=executor,
            progress=events.append,
            n_workers=3,
        )
    for fov in range(3):
        status = read_status(tmp_path / f"fov_{fov:03d}" / "status.json")
        assert [str(message) for message in status.steps["keeper"].messages] == [f"This is {fov}."]
    said = {(e["fov"], e["message"]) for e in events if e["step"] == "keeper"}
    assert {fov for fov, _ in said} == {0, 1, 2}
    assert all(message == f"at {fov}" for fov, message in said)
    assert service._progress_reporter is None
    assert not hasattr(service, "fov")


def test_workers_in_another_folder_find_what_is_named_as_seen_from_here(
    small_nd2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(small_nd2, tmp_path / "small.nd2")
    (tmp_path / "labels").mkdir()
    labels = np.zeros((N_FRAMES, SIZE, SIZE), np.uint16)
    labels[:, 20:40, 20:40] = 1
    tifffile.imwrite(tmp_path / "labels" / "0.tif", labels, photometric="minisblack")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    segmentation = {"method": "labels", "labels_path": "labels/{fov}.tif"}
    context = context_for(Path("out"), segmentation=segmentation)
    elsewhere = (str(tmp_path / "elsewhere"),)
    with ProcessPoolExecutor(1, initializer=os.chdir, initargs=elsewhere) as executor:
        assert run_complete_workflow(
            small_metadata(Path("small.nd2")), context, fovs=[0], executor=executor
        )
    assert context.results_paths[0].traces_csv[0][1].exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []
