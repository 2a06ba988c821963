"""Find the microscopy file that results were made from: where it was, else beside its results."""

from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

from pyama_core.errors import InputError, ReadError
from pyama_core.io import MicroscopyFile, MicroscopyMetadata, open_microscopy
from pyama_core.io.result_files import fov_folders
from pyama_core.io.results import ResultsIndex
from pyama_core.io.source_entry import RecordedSource
from pyama_core.processing.workflow.layout import STATUS_FILE
from pyama_core.processing.workflow.runlog import read_runs
from pyama_core.processing.workflow.status import read_status


def find_original(
    index: ResultsIndex, recorded: RecordedSource, seen: MicroscopyMetadata
) -> MicroscopyFile | None:
    """Open the file that results were made from; None where it is not found.

    Another file under its name is not taken for it.

    Parameters
    ----------
    seen
        What the results tell of the experiment.
    """
    identity = _recorded_identity(index.output_dir)
    for path in _candidates(index.output_dir, recorded):
        source = _opened(path)
        if source is None:
            continue
        if _is_original(source, identity, seen):
            return source
        source.close()
    return None


def _candidates(folder: Path, recorded: RecordedSource) -> Iterator[Path]:
    """Yield where the file may be, each place once: the folder may have been moved with it."""
    logged = [run.get("file") for run in reversed(read_runs(folder)) if isinstance(run, dict)]
    known = [recorded.path, *(Path(file) for file in logged if isinstance(file, str) and file)]
    paths = [path for path in known if path is not None]
    names = [PureWindowsPath(path).name for path in paths]
    places = [place / name for name in names for place in (folder.parent, folder)]
    yield from dict.fromkeys([*paths, *places])


def _opened(path: Path) -> MicroscopyFile | None:
    try:
        return open_microscopy(path) if path.is_file() else None
    except (ReadError, OSError, ValueError):
        return None


def _is_original(source: MicroscopyFile, identity: str, seen: MicroscopyMetadata) -> bool:
    """Whether a file is the one; by its sizes where its digest was not recorded, as by PyAMA."""
    try:
        return source.identity() == identity if identity else _fits(source.metadata, seen)
    except (ReadError, OSError):
        return False


def _recorded_identity(folder: Path) -> str:
    """Return the digest of the file that the first FOV with a status was made from."""
    for fov_folder in fov_folders(folder).values() if folder.is_dir() else ():
        try:
            records: Any = read_status(fov_folder / STATUS_FILE).steps.values()
        except (InputError, OSError):
            continue
        for record in records:
            return str(record.stamp.input)
    return ""


def _fits(known: MicroscopyMetadata, seen: MicroscopyMetadata) -> bool:
    sizes = (known.n_frames, known.height, known.width)
    is_alike = sizes == (seen.n_frames, seen.height, seen.width)
    return is_alike and known.n_fovs >= seen.n_fovs and known.n_channels >= seen.n_channels
