"""Save marks at once, in the order in which they were given, without making anybody wait."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final

from napari_pyama.traces.giving_way import giving_way
from pyama_core.errors import InputError
from pyama_core.io.inspection import save_marks

OnFailure = Callable[[InputError], None]
"""Called in another thread with what is to be said to the user."""

_LET_DRAW_S: Final = 0.15
"""The changed plot is drawn first; marks that follow each other closely are written once."""

_newest: dict[Path, dict[int, bool]] = {}
_pending: "set[Future[None]]" = set()
_lock = threading.Lock()


def save_soon(path: Path, marks: Mapping[int, bool], on_failure: OnFailure) -> None:
    """Have the inspected copy of a trace table written with these marks.

    Of several requests for one table that wait, only the newest is written. What waits when the
    program ends is still written.
    """
    with _lock:
        _newest[path] = dict(marks)
        future = _thread().submit(_save, path, on_failure)
        _pending.add(future)
    future.add_done_callback(_pending.discard)


def wait_for_saves() -> None:
    """Return when everything asked for so far is written; not on the GUI thread."""
    for future in list(_pending):
        future.exception()


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="pyama-marks")


def _save(path: Path, on_failure: OnFailure) -> None:
    time.sleep(_LET_DRAW_S)
    with _lock:
        marks = _newest.pop(path, None)
    if marks is None:
        return
    try:
        with giving_way():
            save_marks(path, marks)
    except InputError as error:
        on_failure(error)
    except OSError as error:
        reason = error.strerror or str(error)
        on_failure(
            InputError(
                f"Marks of {path.name} cannot be saved ({reason}): make the folder {path.parent} "
                "writable and mark again."
            )
        )
