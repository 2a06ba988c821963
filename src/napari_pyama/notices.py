"""What the user is told in a corner of the window."""

from napari.utils.notifications import show_error, show_info, show_warning

from pyama_core.errors import sentence_of


def notify_error(error: BaseException) -> None:
    """Tell the user in one sentence what is wrong."""
    show_error(sentence_of(error))


def notify(sentence: str) -> None:
    """Tell the user something that went well."""
    show_info(sentence)


def warn(sentence: str) -> None:
    """Warn the user; an empty sentence is no warning."""
    if sentence:
        show_warning(sentence)
