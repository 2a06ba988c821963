"""What the user is told in a corner of the window."""

from napari.utils.notifications import show_error, show_info


def notify_error(error: BaseException) -> None:
    """Tell the user in one sentence what is wrong."""
    show_error(str(error) or type(error).__name__)


def notify(sentence: str) -> None:
    """Tell the user something that went well."""
    show_info(sentence)
