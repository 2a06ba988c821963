"""Reaching a dask cluster by the address of its scheduler."""

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from typing import Any, Final

from pyama_core.errors import InputError

SECONDS_TO_CONNECT: Final = 10
_SECONDS_TO_CLOSE: Final = 5.0

UNREACHABLE: Final = (Exception, asyncio.CancelledError)
"""What dask raises where a scheduler is gone is not one kind of error."""

_ADDRESS: Final = re.compile(r"(?:[a-z]+://)?(?:\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):\d{1,5}/?")


@contextmanager
def cluster_executor(address: str) -> Iterator[Executor | None]:
    """Give an executor of the cluster at an address while the block runs; None where it is empty.

    Raises
    ------
    InputError
        This is no address, nothing answers there in 10 s, or dask.distributed is not installed.
    """
    if not address:
        yield None
        return
    client = _connected(address)
    try:
        yield client.get_executor()
    finally:
        within(_SECONDS_TO_CLOSE, client.close)


def _connected(address: str) -> Any:
    if not _ADDRESS.fullmatch(address):
        raise InputError(
            f'The scheduler is given as "{address}", which is no address: write it like '
            "tcp://host:8786, as `dask scheduler` shows it."
        )
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            f"The scheduler at {address} cannot be used, as dask.distributed is not installed: "
            "install napari-pyama[cluster], or leave the scheduler out."
        ) from None
    # The run itself says what is lost; dask's own tracebacks of that would hide it.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    # In a thread, as what answers there may be no scheduler, and dask would wait for its words.
    make: Callable[..., object] = Client
    connection = in_thread(lambda: make(address, timeout=SECONDS_TO_CONNECT, set_as_default=False))
    try:
        return connection.result(SECONDS_TO_CONNECT + 1)
    except UNREACHABLE as error:
        raise InputError(
            f"The scheduler at {address} does not answer ({_in_short(error)}): check its address, "
            "that it is running, and that this machine can reach it."
        ) from None


def within(seconds: float, task: Callable[[], object]) -> bool:
    """Do what may never return in a thread of its own; return whether it succeeded in time."""
    with suppress(*UNREACHABLE):
        in_thread(task).result(seconds)
        return True
    return False


def in_thread(task: Callable[[], object]) -> "Future[Any]":
    """Do something in a thread that nobody has to wait for."""
    done = Future[Any]()

    def work() -> None:
        try:
            done.set_result(task())
        except UNREACHABLE as error:
            done.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return done


def _in_short(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else f"nothing came in {SECONDS_TO_CONNECT} s"
