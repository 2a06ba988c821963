"""Errors that are the user's to mend, each one clear sentence."""


class InputError(ValueError):
    """A value the user gave is wrong: says what, the value, what is allowed, what to do."""


class ReadError(InputError):
    """A file cannot be read as what it was given for."""
