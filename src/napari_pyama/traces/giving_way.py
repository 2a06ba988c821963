"""Compute in a thread without making the GUI thread wait for the interpreter."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_INTERVAL_S: Final = 0.0005

_lock = threading.Lock()
_usual: list[float] = []


@contextmanager
def giving_way() -> Iterator[None]:
    """Have threads take turns ten times as often as usual inside the block.

    The GUI thread lets go of the interpreter in almost every call of Qt, and would get it back
    only 5 ms later, so that a callback of 10 ms takes 200 ms while a table is read.
    """
    with _lock:
        _usual.append(sys.getswitchinterval() if not _usual else _usual[0])
        sys.setswitchinterval(_INTERVAL_S)
    try:
        yield
    finally:
        with _lock:
            usual = _usual.pop()
            if not _usual:
                sys.setswitchinterval(usual)
