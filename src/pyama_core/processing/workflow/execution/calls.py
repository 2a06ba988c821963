"""Tasks on their way to workers, and why a run may not start where they are loaded."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from socket import gethostname
from typing import Any

import cloudpickle

from pyama_core.errors import InputError

_refusal: ContextVar[str] = ContextVar("_refusal", default="")

HOW_TO_START_A_RUN = (
    'begin it under `if __name__ == "__main__":`, or keep the step in a module of its own.'
)


@contextmanager
def runs_refused(why: str) -> Iterator[None]:
    """Refuse runs while the block imports what a user wrote: such a run would start others."""
    token = _refusal.set(why)
    try:
        yield
    finally:
        _refusal.reset(token)


def check_run_allowed() -> None:
    """Raise InputError where a run is started by importing a module."""
    if why := _refusal.get():
        raise InputError(why)


class Call:
    """A task with its arguments, pickled in the thread that makes it.

    Executors pickle in threads of their own, and such a thread waits for ever for a module that
    the thread that waits for the result is importing.

    Raises
    ------
    InputError
        The task or an argument cannot be pickled.
    """

    def __init__(self, task: Callable[..., Any], *arguments: Any) -> None:
        self._task, self._arguments = task, arguments
        self._pickled = _pickled((task, arguments), "The task")

    def __call__(self) -> Any:
        """Run the task in this process, with the very objects that were given."""
        return self._task(*self._arguments)

    def __reduce__(self) -> tuple[type["PickledCall"], tuple[bytes]]:
        return PickledCall, (self._pickled,)


@dataclass(frozen=True)
class PickledCall:
    """A call where it arrived; nothing is loaded before it runs, not in dask's scheduler either."""

    pickled: bytes

    def __call__(self) -> Any:
        """Load the task and run it."""
        task, arguments = self._loaded()
        return task(*arguments)

    def _loaded(self) -> Any:
        why = f"Importing a step in a worker starts a run: {HOW_TO_START_A_RUN}"
        try:
            with runs_refused(why):
                return pickle.loads(self.pickled)
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            raise InputError(
                f"A worker on {gethostname()} cannot load what it is to do "
                f"({type(error).__name__}: {error}): it needs the packages and modules that the "
                "run was started with."
            ) from None


def check_sendable(services: Sequence[Any]) -> None:
    """Raise InputError, which names the step, unless workers can be given each of the steps."""
    for service in services:
        _pickled(service, f'The step "{service.name}"')


def _pickled(content: Any, what: str) -> bytes:
    try:
        pickled: bytes = cloudpickle.dumps(content)
    except Exception as error:
        raise InputError(
            f"{what} cannot be sent to a worker ({error}): let it open or make what cannot be "
            "copied while it processes a FOV."
        ) from None
    return pickled
