"""Whether somebody waits for the GUI thread."""

from qtpy.QtCore import QThread


def user_is_waiting() -> bool:
    """Whether this is called from a running event loop, which this thread would hold up.

    A script waits for what it asks for, and gets it at once.
    """
    thread = QThread.currentThread()
    return thread is not None and thread.loopLevel() > 0
