"""Disks that are full, broken, read-only or pulled out while a run writes."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyama_core.disks import FolderGoneError
from pyama_core.io import MicroscopyMetadata
from pyama_core.io.atomic import only_beside, write_npy_stream, write_text
from pyama_core.io.results import read_results
from pyama_core.processing.workflow.services.base import BaseProcessingService
from tests.runs import context_for, run

FAILING = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import pyama_core.cli
import pyama_core.cli.run as cli_run

number, call, nth, *arguments = sys.argv[1:]
out, count = str(Path("out").absolute()), 0

def failing(original):
    def call(given, *others, **options):
        global count
        name = None if isinstance(given, int) else os.fspath(given)
        if name is None or out in str(name):
            count += 1
        if count >= int(nth):
            raise OSError(int(number), os.strerror(int(number)), name)
        return original(given, *others, **options)
    return call

def run_in_a_thread(*given, **options):
    with ThreadPoolExecutor(1) as executor:
        return run(*given, **(options | {"executor": executor}))

run, cli_run.run_complete_workflow = cli_run.run_complete_workflow, run_in_a_thread
if call == "rename":
    os.replace = failing(os.replace)
    Path.replace = lambda self, target: os.replace(self, target)
else:
    setattr(os, call, failing(getattr(os, call)))
sys.argv = ["pyama", *arguments]
pyama_core.cli.main()
"""
"""A run in one process whose disk fails, from the n-th use of it on."""


def start(folder: Path, file: Path, *failing: str) -> subprocess.CompletedProcess[str]:
    command = ["run", str(file), "-o", str(folder / "out"), "--pc", "0", "--fl", "1"]
    return subprocess.run(
        [sys.executable, "-c", FAILING, *failing, *command, "--fovs", "0-1"],
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("number", "call", "nth"),
    [
        (errno.ENOSPC, "rename", 4),
        (errno.EIO, "rename", 14),
        (errno.ENOSPC, "fsync", 1),
        (errno.EROFS, "open", 1),
    ],
)
def test_a_disk_that_fails_ends_in_exit_code_1_and_the_same_command_goes_on(
    small_nd2: Path, tmp_path: Path, number: int, call: str, nth: int
) -> None:
    """Whatever the run is about to write then, the file and its disk are named."""
    failed = start(tmp_path, small_nd2, str(number), call, str(nth))
    assert failed.returncode == 1, failed.stdout + failed.stderr
    said = failed.stdout + failed.stderr
    assert "Traceback" not in said
    assert f"{tmp_path}/out" in said
    assert ", on the disk /" in said
    assert os.strerror(number) in said
    again = start(tmp_path, small_nd2, "0", "rename", "1000000")
    assert again.returncode == 0, again.stdout + again.stderr
    assert sorted(read_results(tmp_path / "out").fovs) == [0, 1]
    assert not list(tmp_path.rglob(".partial-*"))
    assert not list(tmp_path.rglob(".lock"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_write_without_a_name_in_its_error_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's error of a write names no file; /dev/full stands in for a full disk."""
    monkeypatch.setattr("pyama_core.io.atomic.partial_name", lambda name: ".partial-full")
    (tmp_path / ".partial-full").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as raised:
        write_text(tmp_path / "a.txt", "x" * 100_000)
    assert raised.value.filename == str(tmp_path / "a.txt")
    (tmp_path / ".partial-full").symlink_to("/dev/full")
    with (
        pytest.raises(OSError, match="No space left") as raised,
        write_npy_stream(tmp_path / "a.npy", (1, 4, 4), "uint8"),
    ):
        pass
    assert raised.value.filename == str(tmp_path / "a.npy")


def test_nothing_is_written_into_a_folder_made_in_place_of_one_that_is_gone(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    marker = folder / "marker"
    marker.touch()
    with only_beside(marker):
        write_text(folder / "sub" / "a.txt", "a")
        folder.rename(tmp_path / "away")
        with pytest.raises(FolderGoneError, match="mounted is gone"):
            write_text(folder / "sub" / "b.txt", "b")
        assert not folder.exists()
        folder.mkdir()
        with pytest.raises(FolderGoneError, match="mounted is gone"):
            write_text(folder / "b.txt", "b")
    assert not list(folder.iterdir())


class Unmounting(BaseProcessingService):
    """A step during which the output folder goes away."""

    name = "unmounting"
    after = "segmentation"

    def __init__(self, leaves_mount_point: bool) -> None:
        super().__init__()
        self._leaves_mount_point = leaves_mount_point

    def process_fov(self, metadata, context, output_dir, fov):  # type: ignore[no-untyped-def]
        if output_dir.exists():
            output_dir.rename(output_dir.with_name("away"))
        if self._leaves_mount_point:
            output_dir.mkdir(exist_ok=True)


@pytest.mark.parametrize("leaves_mount_point", [False, True])
def test_an_output_folder_that_is_unmounted_ends_the_run(
    metadata: MicroscopyMetadata, tmp_path: Path, leaves_mount_point: bool
) -> None:
    """It is not made anew, nor is anything written into the mount point; all goes on later."""
    out = tmp_path / "out"
    with pytest.raises(FolderGoneError, match="is gone"):
        run(metadata, context_for(out), services=[Unmounting(leaves_mount_point)])
    assert out.exists() == leaves_mount_point
    if leaves_mount_point:
        assert not list(out.iterdir())
        out.rmdir()
    shutil.move(tmp_path / "away", out)
    assert run(metadata, context_for(out))
    assert sorted(read_results(out).fovs) == [0, 1, 2]
