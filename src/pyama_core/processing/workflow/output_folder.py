"""Can results be written where they are to go; judged without leaving a trace."""

import shutil
import tempfile
from pathlib import Path

from pyama_core.disks import is_disk_failure, nearest_existing
from pyama_core.errors import InputError


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
