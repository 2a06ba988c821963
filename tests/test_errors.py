"""What a user reads of an error."""

import errno
import pickle
from pathlib import Path

import pytest

from pyama_core.disks import FolderGoneError, is_disk_failure
from pyama_core.errors import InputError, sentence_of


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("A is 3: give 4."), "A is 3: give 4."),
        (FileNotFoundError("There is no A."), "There is no A."),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "A file cannot be used (No space left on device): free some space or check the disk, "
            "and do the same again; what is complete is kept.",
        ),
        (FolderGoneError("The folder a is gone."), "The folder a is gone."),
        (
            PermissionError(errno.EACCES, "Permission denied", "a.npy"),
            "a.npy cannot be used (Permission denied): check path, permissions and disk.",
        ),
        (KeyError("a"), "KeyError: 'a'"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_every_error_is_one_sentence(error: Exception, sentence: str) -> None:
    assert sentence_of(error) == sentence


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_failed_disk_is_named_with_the_file(tmp_path: Path, number: int) -> None:
    path = tmp_path / "not yet there" / "a.npy"
    error = OSError(number, "it failed", str(path))
    said = sentence_of(error)
    assert said.startswith(f"{path}, on the disk /")
    assert "GB free), cannot be used (it failed): free some space or check the disk" in said
    assert is_disk_failure(error)


def test_a_users_mistake_is_not_the_disks() -> None:
    assert not is_disk_failure(PermissionError(errno.EACCES, "Permission denied", "a.npy"))
    assert not is_disk_failure(FileNotFoundError("There is no A."))


def test_a_folder_that_is_gone_stays_so_between_processes() -> None:
    error = pickle.loads(pickle.dumps(FolderGoneError("The folder a is gone.")))
    assert is_disk_failure(error)
    assert sentence_of(error) == "The folder a is gone."
