"""Saying what a run waits for where nothing has been heard for a while."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final, Self

import psutil

from pyama_core.processing.workflow.execution.progress import Place
from pyama_core.processing.workflow.services.base import NO_PROGRESS, WAITING, ProgressEvent

SECONDS_TO_SAY: Final = 15.0
"""Of silence, after which the user hears of it."""
SECONDS_TO_GIVE_UP: Final = 300.0
"""Of silence, after which nobody waits any longer for a worker that cannot go on by itself."""

_SECONDS_BETWEEN_LOOKS: Final = 1.0
_MOST_SECONDS_AT_ONCE: Final = 2.0
"""Counted between two looks: while this process itself is stopped, nothing is waited for."""
_MOST_SECONDS_BETWEEN_NOTICES: Final = 600.0

_STOPPED: Final = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


@dataclass
class _Silence:
    """How long nothing has been heard of a FOV, or of what the run itself waits for."""

    last: ProgressEvent
    place: Place | None = None
    seconds: float = 0.0
    said_next: float = field(default_factory=lambda: SECONDS_TO_SAY)

    def grow(self, seconds: float) -> bool:
        """Add seconds of silence; return whether it is time to say so."""
        self.seconds += seconds
        if self.seconds < self.said_next:
            return False
        self.said_next = self.seconds + min(self.seconds, _MOST_SECONDS_BETWEEN_NOTICES)
        return True


class Watch:
    """Knows what is under way, and reports an event for whatever has been silent for long.

    It looks from a thread of its own, so that a run whose own thread waits for a disk is heard of,
    too.

    Parameters
    ----------
    report
        Takes the events; called from the thread.
    """

    def __init__(self, report: Callable[[ProgressEvent], object]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._fovs: dict[int, _Silence] = {}
        self._run: dict[str, _Silence] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look_around, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._closed.set()

    def begin(self, fov: int, step: str, n_frames: int) -> None:
        """Take note of a FOV that is given to the workers, and waits until one takes it."""
        event = ProgressEvent(step=step, fov=fov, t=0, T=n_frames, message="")
        with self._lock:
            self._fovs[fov] = _Silence(event)

    def started(self, fov: int, step: str, place: Place) -> None:
        """Take note that a worker has begun with the step that the FOV waited for, or again."""
        with self._lock:
            known = self._fovs.get(fov)
            # Word of an earlier job of the FOV may come late: only its own step ends its waiting.
            if known is not None and (known.place is not None or known.last["step"] == step):
                n_frames = known.last["T"]
                event = ProgressEvent(step=step, fov=fov, t=0, T=n_frames, message="")
                self._fovs[fov] = _Silence(event, place)

    def heard(self, event: ProgressEvent) -> None:
        """Take note of a sign of life."""
        with self._lock:
            known = self._fovs.get(event["fov"])
            if known is not None and known.place is not None:
                self._fovs[event["fov"]] = _Silence(event, known.place)

    def end(self, fov: int) -> None:
        """Forget a FOV that nobody works on any more."""
        with self._lock:
            self._fovs.pop(fov, None)

    def place(self, fov: int) -> Place | None:
        """Return the process that works on a FOV; None while it waits for one."""
        with self._lock:
            known = self._fovs.get(fov)
            return known.place if known else None

    def silent_seconds(self, fov: int) -> float:
        """Return for how long the worker of a FOV has said nothing."""
        with self._lock:
            known = self._fovs.get(fov)
            return known.seconds if known else 0.0

    def step(self, fov: int) -> str:
        """Return the step that a FOV is in."""
        with self._lock:
            known = self._fovs.get(fov)
            return known.last["step"] if known else ""

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Say what is waited for where the block takes long."""
        self.wait_for(what, True)
        try:
            yield
        finally:
            self.wait_for(what, False)

    def wait_for(self, what: str, waits: bool) -> None:
        """Take note of whether the run as a whole waits for something."""
        with self._lock:
            if not waits:
                self._run.pop(what, None)
            elif what not in self._run:
                event = ProgressEvent(step=WAITING, fov=-1, t=0, T=1, message=what)
                self._run[what] = _Silence(event)

    def _look_around(self) -> None:
        before = time.monotonic()
        while not self._closed.wait(_SECONDS_BETWEEN_LOOKS):
            now = time.monotonic()
            for silence in self._grown(min(now - before, _MOST_SECONDS_AT_ONCE)):
                self._report(_event_of(silence))
            before = now

    def _grown(self, seconds: float) -> list[_Silence]:
        with self._lock:
            at_work = [silence for silence in self._fovs.values() if silence.place]
            waiting = [*at_work, *self._run.values()]
            return [replace(silence) for silence in waiting if silence.grow(seconds)]


def what_holds_up(place: Place) -> str:
    """Say why a worker cannot go on by itself; empty where it can, or where that is unknown."""
    status = _status_of(place)
    if status in _STOPPED:
        return (
            f"is stopped: `kill -CONT {place.pid}` continues it, `kill -KILL {place.pid}` ends it"
        )
    if status == psutil.STATUS_DISK_SLEEP:
        return "waits for a disk or a network drive"
    return ""


def _event_of(silence: _Silence) -> ProgressEvent:
    why = _why(silence.place) if silence.place else f"waiting for {silence.last['message']}"
    event = silence.last.copy()
    event["message"] = f"{NO_PROGRESS} {silence.seconds:.0f} s: {why}"
    return event


def _why(place: Place) -> str:
    where = f"process {place.pid}" if place.is_here else f"process {place.pid} on {place.host}"
    if why := what_holds_up(place):
        return f"its worker, {where}, {why}"
    status = _status_of(place)
    if status == psutil.STATUS_RUNNING:
        return f"its worker, {where}, is computing"
    return f"its worker, {where}, {'is gone' if status == '' else 'has reported nothing'}"


def _status_of(place: Place) -> str | None:
    """Return a process's state as psutil names it, empty for one that is gone, None if unknown."""
    if not place.is_here:
        return None
    try:
        return str(psutil.Process(place.pid).status())
    except psutil.NoSuchProcess:
        return ""
    except psutil.Error:
        return None
