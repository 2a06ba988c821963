"""Output that is closed, cut off or full ends no run, and is not taken for a result."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyama_core.io.results import read_results

pytestmark = pytest.mark.skipif(os.name == "nt", reason="redirections of a POSIX shell")

PYAMA = f"{sys.executable} -m pyama_core.cli"


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=folder, capture_output=True, text=True
    )


def run_of(file: Path) -> str:
    return f"{PYAMA} run {file} -o out --pc 0 --fovs 0,1 --workers 1"


@pytest.mark.parametrize(
    "closed", [">&-", "2>&-", "<&- >&- 2>&-", "| true", "2>&1 | head -1", "2>/dev/full"]
)
def test_a_run_is_done_whoever_listens(small_nd2: Path, tmp_path: Path, closed: str) -> None:
    done = shell(f"{run_of(small_nd2)} {closed}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert list(read_results(tmp_path / "out").fovs) == [0, 1]


def test_output_that_is_lost_on_a_full_disk_is_said(small_nd2: Path, tmp_path: Path) -> None:
    for command in (run_of(small_nd2), f"{PYAMA} recipe"):
        done = shell(f"{command} > /dev/full", tmp_path)
        assert done.returncode == 1
        assert done.stderr.endswith("The output is incomplete (No space left on device).\n")
    assert list(read_results(tmp_path / "out").fovs) == [0, 1]


@pytest.mark.parametrize("command", ["--help", "recipe", "info FILE"])
def test_who_reads_the_first_line_only_hears_of_no_error(
    small_nd2: Path, tmp_path: Path, command: str
) -> None:
    done = shell(f"{PYAMA} {command.replace('FILE', str(small_nd2))} | head -1", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_a_script_without_streams_runs_workers_too(small_nd2: Path, tmp_path: Path) -> None:
    """As in a program without a console."""
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "sys.stdin = sys.stdout = sys.stderr = None\n"
        "from pathlib import Path\n"
        "from pyama_core.io import open_microscopy\n"
        "from pyama_core.processing.workflow.pipeline import run_complete_workflow\n"
        "from pyama_core.processing.workflow.services.types import Channels, ProcessingContext\n"
        f"with open_microscopy({str(small_nd2)!r}) as source:\n"
        "    metadata = source.metadata\n"
        "context = ProcessingContext(Path('out'), Channels(0))\n"
        "sys.exit(not run_complete_workflow(metadata, context, fovs=[0], n_workers=1))\n"
    )
    assert shell(f"{sys.executable} script.py <&- >&- 2>&-", tmp_path).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        'run FILE -o "" --pc 0',
        'run FILE -o " " --pc 0',
        'run "" -o out --pc 0',
        'run FILE -o out --pc 0 --recipe ""',
        'info ""',
        'status ""',
        'merge "" samples.yaml',
        'merge out ""',
        'merge out samples.yaml -o ""',
        'parquet ""',
        'demo -o ""',
    ],
)
def test_a_name_that_is_empty_is_not_the_current_folder(
    small_nd2: Path, tmp_path: Path, command: str
) -> None:
    """As of a variable of the shell that is not set."""
    done = shell(f"{PYAMA} {command.replace('FILE', str(small_nd2))}", tmp_path)
    assert done.returncode == 2
    assert "is empty: name a file or folder" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
