"""Whether results are on disk as they were written."""

from collections.abc import Collection, Iterator
from pathlib import Path

from pyama_core.errors import InputError
from pyama_core.io.digest import digest_file
from pyama_core.io.result_files import fov_folders
from pyama_core.io.untrusted import InsideFolder
from pyama_core.processing.workflow.layout import STATUS_FILE
from pyama_core.processing.workflow.status import FovStatus, OutputRecord, read_status


def statuses(output_dir: Path) -> dict[int, FovStatus]:
    """Return the status of every FOV in an output folder.

    Raises
    ------
    InputError
        The folder holds no results of this library.
    """
    if not output_dir.is_dir():
        raise FileNotFoundError(f"There is no folder {output_dir}: check the path.")
    found = {
        fov: read_status(folder / STATUS_FILE)
        for fov, folder in fov_folders(output_dir).items()
        if (folder / STATUS_FILE).exists()
    }
    if not found:
        raise InputError(
            f"{output_dir} holds no results of `pyama run`: give the folder named with -o."
        )
    return found


def damages(folder: Path, status: FovStatus, *, verify: bool) -> Iterator[str]:
    """Say what is wrong with the files of a FOV: gone, of another size, of another content."""
    inside = InsideFolder(folder.parent)
    if status.damage:
        yield status.damage
    for record in status.steps.values():
        for output in record.outputs:
            if damage := _damage(folder / output.name, output, verify, inside):
                yield f"{output.name} {damage}"


def damaged_steps(folder: Path, status: FovStatus, steps: Collection[str]) -> dict[str, str]:
    """Return which of some steps' files are not as they were written, each with what is wrong.

    Every file is read as a whole: a step is about to do so too.
    """
    found = {name: next(damages(folder, status.of([name]), verify=True), "") for name in steps}
    return {name: damage for name, damage in found.items() if damage}


def _damage(path: Path, output: OutputRecord, verify: bool, inside: InsideFolder) -> str:
    place = inside.place(path)
    if place != "inside":
        return "is gone" if place == "missing" else "is no file, or a link out of the folder"
    if path.stat().st_size != output.size:
        return f"has {path.stat().st_size} bytes instead of {output.size}"
    if verify and digest_file(path) != output.digest:
        return "was changed or damaged since it was written"
    return ""
