"""Whether an output folder can take a run's results: judged before any work, writing nothing."""

import errno
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, get_args

from pyama_core.disks import is_disk_failure, nearest_existing
from pyama_core.errors import InputError
from pyama_core.io.result_files import ResultsPathsPerFOV, as_files, fov_folders, scan_fov
from pyama_core.io.results import MADE_FROM, read_results
from pyama_core.io.untrusted import is_plain_name
from pyama_core.processing.workflow.layout import RUNS_FOLDER, Layout
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.status import FovStatus, StepRecord, read_status, write_status

_FOREIGN_KINDS: Final = ("seg_labeled", "seg_tracked", "traces_csv", "traces")
_SHORT: Final = 50
_LONGEST_ENDING: Final = "_inspected_2000-01-01_000000_99.csv"
"""What the name of an inspected copy of the traces has in place of its `.csv`."""


def check_folder(
    layout: Layout, fovs: Sequence[int], services: Sequence[BaseProcessingService]
) -> None:
    """Check the names of all files, and that nothing else is in their place.

    Raises
    ------
    InputError
        A name cannot be that of a file, or the folder holds results that are not this program's.
    """
    _check_base_name(layout)
    _check_lengths(layout, fovs, services)
    for service in services:
        _check_outputs(service, layout, fovs[0])
    for folder in (*map(layout.folder, fovs), layout.output_dir / RUNS_FOLDER):
        _check_is_inside(folder)
    _check_made_here(layout)


def checked_statuses(layout: Layout, fovs: Sequence[int], input_key: str) -> dict[int, FovStatus]:
    """Return the status of some FOVs, all of which must be of one microscopy file.

    Raises
    ------
    InputError
        The folder holds results of another microscopy file, or under another name.
    """
    known = fov_folders(layout.output_dir) if layout.output_dir.is_dir() else {}
    chosen = set(fovs)
    others = (fov for fov in known if fov not in chosen and layout.status(fov).exists())
    if (other := next(others, None)) is not None:
        _status_of_this(layout, other, input_key)
    return {fov: _status_of_this(layout, fov, input_key) for fov in fovs}


def _check_base_name(layout: Layout) -> None:
    if not is_plain_name(layout.base_name[:_SHORT]):  # How long it may be the disk says.
        raise InputError(
            f"Results cannot be named after {layout.base_name!r}: names that begin with a dot or "
            "hold / or \\ are not those of results. Rename the microscopy file or give a base_name."
        )


def _check_outputs(service: BaseProcessingService, layout: Layout, fov: int) -> None:
    for path in service.outputs(layout, fov):
        if path.parent != layout.folder(fov) or not is_plain_name(path.name):
            raise InputError(
                f'The step "{service.name}" has the output {path}: name it with '
                "layout.file(fov, name), so that it lies in the FOV's own folder."
            )


def _check_lengths(
    layout: Layout, fovs: Sequence[int], services: Sequence[BaseProcessingService]
) -> None:
    """Ask the system about the longest names: what is too long differs between disks."""
    for fov in (min(fovs), max(fovs)):
        outputs = [path for service in services for path in service.outputs(layout, fov)]
        copies = [path.with_name(path.stem + _LONGEST_ENDING) for path in layout.files(fov)[-1:]]
        longest = max((*outputs, *copies), key=lambda path: len(os.fsencode(path.name)))
        _check_length(longest)


def _check_length(path: Path) -> None:
    for asked in (path, nearest_existing(path.parent) / path.name):
        try:
            asked.lstat()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise InputError(
                    f"The name of {path} is too long for this disk: rename the microscopy file or "
                    "give a shorter base_name, or an output folder with a shorter path."
                ) from None


def _check_is_inside(folder: Path) -> None:
    if not folder.is_symlink():
        return
    target = Path(os.path.realpath(folder))
    if not target.is_relative_to(os.path.realpath(folder.parent)):
        raise InputError(
            f"{folder} is a link to {target}, outside of the output folder: nothing is written "
            "there. Put a folder in its place, or choose another output folder."
        )


def _check_made_here(layout: Layout) -> None:
    """Keep results of PyAMA itself, which have no status files, from being replaced."""
    if not layout.output_dir.is_dir():
        return
    folders = fov_folders(layout.output_dir)
    without = (folder for fov, folder in folders.items() if not layout.status(fov).exists())
    if not any(_holds_results(folder) for folder in without):
        return
    try:
        is_ours = MADE_FROM in read_results(layout.output_dir).extra
    except InputError:
        is_ours = False
    if not is_ours:
        raise InputError(
            f"{layout.output_dir} holds results that another program made: choose another output "
            "folder, or move these results away."
        )


def _holds_results(folder: Path) -> bool:
    return any(kind in _FOREIGN_KINDS for kind in scan_fov(folder))


def _status_of_this(layout: Layout, fov: int, input_key: str) -> FovStatus:
    status = read_status(layout.status(fov))
    for record in status.steps.values():
        if record.stamp.input not in (input_key, ""):
            raise InputError(
                f"{layout.folder(fov)} holds results of another microscopy file: choose another "
                "output folder, or move these results away."
            )
    _check_same_name(layout, fov, _recorded_names(status))
    return status


def _recorded_names(status: FovStatus) -> Iterable[str]:
    return (output.name for step in status.steps.values() for output in step.outputs)


def _check_same_name(layout: Layout, fov: int, names: Iterable[str]) -> None:
    """Keep a run from taking files of another name for its own, which it would not find then."""
    begin = layout.file(fov, "").name
    mark = begin.removeprefix(layout.base_name)
    other = next((name for name in names if mark in name and not name.startswith(begin)), None)
    if other is not None:
        raise InputError(
            f"{layout.folder(fov)} holds {other}, but files would be named {begin}...: give the "
            "microscopy file, or base_name, the name it had, or choose another output folder."
        )


def found_paths(layout: Layout, fov: int) -> ResultsPathsPerFOV:
    """Return the record of a FOV's files that are complete and that this layout names."""
    folder = layout.folder(fov)
    found = scan_fov(folder) if folder.is_dir() else {}
    named = set(layout.files(fov))
    own = {kind: [pair for pair in pairs if pair[1] in named] for kind, pairs in found.items()}
    return as_files(own, ())


def check_output_folder(folder: Path, bytes_needed: int) -> None:
    """Check a folder, which need not exist yet, before anything is written.

    Raises
    ------
    InputError
        It cannot be written to, or its disk has too little room.
    """
    check_writable(folder)
    free = free_bytes(folder)
    if bytes_needed > free:
        raise InputError(
            f"The run needs {bytes_needed / 1e9:.2f} GB, but the disk of {folder} has "
            f"{free / 1e9:.2f} GB free: free some space, choose fewer FOVs or another disk."
        )


def check_writable(folder: Path) -> None:
    """Check that files can be made in a folder, or the folder itself.

    Raises
    ------
    InputError
        They cannot.
    OSError
        The disk failed.
    """
    try:
        with tempfile.TemporaryFile(dir=nearest_existing(folder)):
            pass
    except OSError as error:
        raise unwritable(folder, error) from None


def unwritable(folder: Path, error: OSError) -> InputError | OSError:
    """Return the error that says that a folder cannot be written to, or that its disk failed."""
    if is_disk_failure(error):
        return OSError(error.errno, error.strerror, str(folder))
    return InputError(
        f"The folder {folder} cannot be written to ({error.strerror}): move away what is in its "
        "place, change its permissions, or choose another output folder."
    )


def free_bytes(folder: Path) -> int:
    """Return the room on the disk of a folder that may not exist yet."""
    return shutil.disk_usage(nearest_existing(folder)).free


Keep = Literal["all", "results"]
"""What stays on disk: everything, or tracked cells, backgrounds, lineages and traces."""

PRUNED_STEPS: Final = ("copy", "segmentation", "correction")


def check_keep(keep: str) -> None:
    """Raise InputError unless `keep` is one of `Keep`."""
    if keep not in get_args(Keep):
        allowed = " or ".join(map(repr, get_args(Keep)))
        raise InputError(f"keep is {keep!r}: it must be {allowed}.")


def prune_fov(layout: Layout, fov: int) -> None:
    """Remove raw copies and intermediate stacks of a finished FOV, by the names of the layout."""
    status, stacks = read_status(layout.status(fov)), layout.stacks(fov)
    names = {path.name for path in stacks}
    pruned = {
        name: _pruned(record, names) if name in PRUNED_STEPS and record.state == "done" else record
        for name, record in status.steps.items()
    }
    if pruned != status.steps:
        write_status(layout.status(fov), FovStatus(pruned))
    for path in stacks:
        path.unlink(missing_ok=True)


def _pruned(record: StepRecord, names: Collection[str]) -> StepRecord:
    kept = tuple(output for output in record.outputs if output.name not in names)
    return record if kept == record.outputs else replace(record, state="pruned", outputs=kept)
