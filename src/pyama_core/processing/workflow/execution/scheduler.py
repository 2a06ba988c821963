"""Which FOV goes where and when: copying and computing overlap, a dead worker costs one FOV."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pyama_core.errors import LostError, sentence_of
from pyama_core.processing.workflow.execution.progress import Place
from pyama_core.processing.workflow.execution.progress_server import ProgressHub
from pyama_core.processing.workflow.execution.watch import SECONDS_TO_GIVE_UP, what_holds_up
from pyama_core.processing.workflow.execution.worker import Job, Outcome

_POLL_SECONDS: Final = 0.1
_MOST_SECONDS_AT_ONCE: Final = 1.0
"""Of work, counted between two looks: this process itself may have been stopped."""
_SECONDS_TO_STOP: Final = 5.0
_CRASHES_TO_FAIL: Final = 2
_SECONDS_TO_COMPILE: Final = 300.0
"""After which FOVs are computed anyway, and each worker compiles for itself."""

_LIMIT: Final = "the limit that was set: give it more time, or find out what takes so long"
_STUCK: Final = (
    f"was given up: its worker had been stopped, or had waited for a disk, for "
    f"{SECONDS_TO_GIVE_UP / 60:.0f} minutes"
)


class CancelFlag(Protocol):
    """Anything that says whether to stop, such as a ``threading.Event``."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class Workers(Protocol):
    """Those who do the jobs; see `Pool`."""

    why_cancelled: str

    def run(self, job: Job) -> "Future[Outcome]":
        """Start a job."""
        ...

    def place(self, future: "Future[Outcome]") -> Place | None:
        """Return the process that a job was given to, where that is known."""
        ...

    def end(self, future: "Future[Any]", place: Place | None) -> bool:
        """End the worker of a job; False where it may still be at work."""
        ...

    def has_lost(self, place: Place) -> bool:
        """Whether the worker in this place is known to be gone, its job left to others."""
        ...

    def waits_for(self) -> str:
        """Say what all workers wait for."""
        ...

    def check(self) -> None:
        """Raise LostError where there is no hope left for workers."""
        ...

    def check_after_crash(self) -> None:
        """Raise LostError where the crash of one worker has cost all."""
        ...

    def capacity(self) -> int:
        """Return how many jobs they do at once, 0 where that is not known."""
        ...

    def is_crash(self, error: BaseException) -> bool:
        """Whether a job failed for the end of its worker."""
        ...


@dataclass
class Schedule:
    """Runs the stages of many FOVs.

    Attributes
    ----------
    stages
        The jobs of every FOV in their order: copying, then computing.
    n_ahead
        Most FOVs that are under way at once besides those that the workers say they can do.
    workers
        Those who do the jobs.
    hub
        Hears of the progress of jobs.
    on_outcome
        Called with the outcome of each FOV as it ends.
    gate
        Computing waits for this future, the compilation of kernels.
    timeout
        Most seconds of work on one FOV, all its jobs together; None for no limit.
    """

    stages: dict[int, Sequence[Job]]
    n_ahead: int
    workers: Workers
    hub: ProgressHub
    on_outcome: Callable[[Outcome], None]
    gate: "Future[None] | None" = None
    timeout: float | None = None
    _waiting: deque[int] = field(init=False)
    _quarantined: deque[int] = field(default_factory=deque, init=False)
    """FOVs whose worker crashed; they are tried again when nothing else needs memory."""
    _held: list[int] = field(default_factory=list, init=False)
    """Copied FOVs that wait for the gate."""
    _stage: Counter[int] = field(default_factory=Counter, init=False)
    _crashes: Counter[int] = field(default_factory=Counter, init=False)
    _running: "dict[Future[Outcome], int]" = field(default_factory=dict, init=False)
    _given_up: "list[Future[Outcome]]" = field(default_factory=list, init=False)
    """Jobs of FOVs that have failed, whose workers could not be ended."""
    _worked: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float), init=False)
    """Seconds of work by FOV."""
    _seconds_of_gate: float = field(default=0.0, init=False)
    _seconds_stuck: float = field(default=0.0, init=False)
    """In which nobody has worked, with workers lost to jobs that were given up."""
    _waits_for: str = field(default="", init=False)
    _looked_at: float = field(default=0.0, init=False)
    _draining: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._waiting = deque(self.stages)
        self._looked_at = time.monotonic()

    def run(self, cancel: CancelFlag | None = None) -> bool:
        """Run everything; False when cancelled, with jobs possibly still under way.

        Raises
        ------
        LostError
            Nobody is left to do the work.
        """
        while self._waiting or self._quarantined or self._held or self._running:
            if cancel is not None and cancel.is_set():
                return False
            self._fill_window()
            self._collect(_POLL_SECONDS)
            self._look_after()
        wait(self._given_up, timeout=_SECONDS_TO_STOP)
        return True

    def drain(self) -> None:
        """Give jobs under way some seconds to notice that they were cancelled."""
        self._draining = True
        for future, fov in self._running.items():
            self.hub.stop(fov)
            if self.hub.watch.place(fov) is None:  # One at work could only be forgotten.
                future.cancel()
        deadline = time.monotonic() + _SECONDS_TO_STOP
        while self._running and time.monotonic() < deadline:
            self._collect(_POLL_SECONDS)
        wait(self._given_up, timeout=max(deadline - time.monotonic(), 0))

    def _fill_window(self) -> None:
        if self._held and self._gate_is_open():
            held, self._held = self._held, []
            for fov in held:
                self._submit(fov)
        window = self.n_ahead + self.workers.capacity()
        while self._waiting and len(self._running) + len(self._held) < window:
            self._submit(self._waiting.popleft())
        if self._quarantined and not (self._running or self._held):
            self._submit(self._quarantined.popleft())

    def _gate_is_open(self) -> bool:
        return self.gate is None or self.gate.done()

    def _submit(self, fov: int) -> None:
        jobs = self.stages[fov]
        if self._stage[fov] == len(jobs) - 1 and not self._gate_is_open():
            self._held.append(fov)
            return
        self._await(fov)
        self._running[self.workers.run(jobs[self._stage[fov]])] = fov

    def _collect(self, seconds: float) -> None:
        if not self._running:
            time.sleep(seconds if self._held else 0)
            return
        done, _ = wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in done:
            self._take(future, self._running.pop(future))

    def _take(self, future: "Future[Outcome]", fov: int) -> None:
        self.hub.watch.end(fov)
        if future.cancelled():
            if not self._draining:
                raise LostError(self.workers.why_cancelled)
            return
        error = future.exception()
        if error is None:
            self._advance(fov, future.result())
        elif self.workers.is_crash(error):
            self._on_crash(fov)
        else:
            self._fail(fov, sentence_of(error))

    def _advance(self, fov: int, outcome: Outcome) -> None:
        if outcome.cancelled and not self._draining:
            self._fail(fov, _stopped_itself(fov))
            return
        self._stage[fov] += 1
        if outcome.error or outcome.cancelled or self._stage[fov] == len(self.stages[fov]):
            self.on_outcome(outcome)
        else:
            self._submit(fov)

    def _on_crash(self, fov: int) -> None:
        self.workers.check_after_crash()
        self._crashes[fov] += 1
        if self._crashes[fov] < _CRASHES_TO_FAIL:
            self._quarantined.append(fov)
        else:
            self._fail(fov, _killed(fov))

    def _look_after(self) -> None:
        """Count seconds of work and of waiting, and end what has gone beyond its limit."""
        now = time.monotonic()
        seconds, self._looked_at = min(now - self._looked_at, _MOST_SECONDS_AT_ONCE), now
        at_work = {} if self.workers.waits_for() else self._at_work()
        for future, (fov, place) in at_work.items():
            self._worked[fov] += seconds
            if self.timeout is not None and self._worked[fov] > self.timeout:
                self._end(future, place, f"took more than {self.timeout:g} s of work, {_LIMIT}")
            elif self.hub.watch.silent_seconds(fov) > SECONDS_TO_GIVE_UP and what_holds_up(place):
                self._end(future, place, _STUCK)
        self._look_after_gate(seconds)
        stuck = bool(self._given_up) and bool(self._running) and not at_work
        self._seconds_stuck = self._seconds_stuck + seconds if stuck else 0
        self._look_after_workers(at_work)

    def _look_after_gate(self, seconds: float) -> None:
        if self.gate is None or self.gate.done():
            return
        self._seconds_of_gate += seconds
        if self._seconds_of_gate > _SECONDS_TO_COMPILE:
            self.workers.end(self.gate, None)
            self.gate = None

    def _look_after_workers(self, at_work: Collection[object]) -> None:
        waits_for = self.workers.waits_for()
        if not waits_for and not at_work and (self._running or self._held):
            waits_for = "a free worker" if self._gate_is_open() else "the compilation of kernels"
        if waits_for != self._waits_for:
            self.hub.watch.wait_for(self._waits_for, False)
            self.hub.watch.wait_for(waits_for, bool(waits_for))
            self._waits_for = waits_for
        self.workers.check()
        if self._seconds_stuck > SECONDS_TO_GIVE_UP:
            raise LostError("All workers of the executor are at work on FOVs that were given up.")

    def _at_work(self) -> "dict[Future[Outcome], tuple[int, Place]]":
        places = {}
        for future, fov in self._running.items():
            place = self.hub.watch.place(fov)
            if place is not None and self.workers.has_lost(place):
                self._await(fov)
                continue
            if place is None and (place := self.workers.place(future)) is not None:
                self.hub.watch.started(fov, self.hub.watch.step(fov), place)
            if place is not None:
                places[future] = (fov, place)
        return places

    def _await(self, fov: int) -> None:
        """Have the watch know that a FOV's next job waits for a worker."""
        job = self.stages[fov][self._stage[fov]]
        self.hub.watch.begin(fov, job.services[0].name, job.metadata.n_frames)

    def _end(self, future: "Future[Outcome]", place: Place, why: str) -> None:
        """Fail a FOV, and end the worker that is still at work on it."""
        if future.done():
            return
        fov = self._running.pop(future)
        step = self.hub.watch.step(fov)
        self.hub.watch.end(fov)
        self.hub.stop(fov)
        if not self.workers.end(future, place):
            self._given_up.append(future)
            why += "; its worker could not be ended and may still be at work"
        self._fail(fov, f"FOV {fov} {why}.", step)

    def _fail(self, fov: int, error: str, step: str = "") -> None:
        job = self.stages[fov][self._stage[fov]]
        step = step or job.services[0].name
        self.on_outcome(Outcome(fov, job.context.paths(fov), failed_step=step, error=error))


def _killed(fov: int) -> str:
    return (
        f"The worker processing FOV {fov} died {_CRASHES_TO_FAIL} times, probably for lack of "
        "memory: use fewer workers or a machine with more memory."
    )


def _stopped_itself(fov: int) -> str:
    return (
        f"The worker processing FOV {fov} stopped although nobody had cancelled the run: it could "
        "not reach the run, or a step raised InterruptedError. Give an executor with workers on "
        "this machine, or a dask client's, and run it again."
    )
