"""What a user reads of an error."""

import errno

import pytest

from pyama_core.errors import InputError, sentence_of


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("A is 3: give 4."), "A is 3: give 4."),
        (FileNotFoundError("There is no A."), "There is no A."),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "A file cannot be used (No space left on device): check path, permissions and disk.",
        ),
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
