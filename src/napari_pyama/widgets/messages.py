"""What the user is told in a corner of the window."""

import html

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QThread

from pyama_core.errors import sentence_of
from pyama_core.messages import Message


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


def as_html(text: str) -> str:
    """Return a text for a label that shows it as it is, also where it holds ``<`` or ``&``."""
    escaped = html.escape(text, quote=False)
    return text if escaped == text else f"<span>{escaped}</span>"  # Qt looks for a tag


def with_weight(message: Message) -> str:
    """Return a message with its weight before it, unless it only informs."""
    weight = message.weight
    return message.text if weight == "info" else f"{weight.title()}: {message.text}"


def counted(count: int, thing: str) -> str:
    """Return a number with the name of what is counted: ``1 cell``, ``2 cells``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def user_is_waiting() -> bool:
    """Whether this is called from a running event loop, which this thread would hold up.

    A script waits for what it asks for, and gets it at once.
    """
    thread = QThread.currentThread()
    return thread is not None and thread.loopLevel() > 0
