"""Errors that are the user's to mend, each one clear sentence."""

from concurrent.futures import BrokenExecutor

from pyama_core.disks import describe_failure, is_disk_failure


class InputError(ValueError):
    """A value the user gave is wrong: says what, the value, what is allowed, what to do."""


class ReadError(InputError):
    """A file cannot be read as what it was given for."""


class LostError(BrokenExecutor):
    """What a run depends on is gone: its workers, or the scheduler of a cluster."""


def sentence_of(error: BaseException) -> str:
    """Say for a user what went wrong, in one sentence."""
    if isinstance(error, OSError) and error.strerror:
        return _sentence_of_system(error)
    if isinstance(error, InputError | LostError | OSError):
        return str(error)
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _sentence_of_system(error: OSError) -> str:
    if is_disk_failure(error):
        return describe_failure(error)
    what = error.filename or "A file"
    return f"{what} cannot be used ({error.strerror}): check path, permissions and disk."
