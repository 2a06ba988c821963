"""Which FOV goes where and when: copying and computing overlap, a dead worker costs one FOV."""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from typing import Final, Protocol

from pyama_core.processing.workflow.jobs import Job, Outcome

_POLL_SECONDS: Final = 0.1
_SECONDS_TO_STOP: Final = 5.0
_DEATHS_TO_FAIL: Final = 2


class CancelFlag(Protocol):
    """Anything that says whether to stop, a ``threading.Event`` for one."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


Submit = Callable[[Job], "Future[Outcome]"]


@dataclass
class Schedule:
    """Runs the stages of many FOVs.

    Attributes
    ----------
    stages
        The jobs of every FOV in their order: copying, then computing.
    window
        Most FOVs that are under way at once.
    submit
        Starts a job and gives its future.
    rebuild
        Replaces a broken pool; False where that cannot be done.
    gate
        Computing waits for this future, the compilation of kernels.
    on_outcome
        Called with the outcome of each FOV as it ends.
    """

    stages: dict[int, Sequence[Job]]
    window: int
    submit: Submit
    rebuild: Callable[[], bool]
    on_outcome: Callable[[Outcome], None]
    gate: "Future[None] | None" = None
    _waiting: deque[int] = field(init=False)
    _alone: deque[int] = field(default_factory=deque, init=False)
    _suspects: set[int] = field(default_factory=set, init=False)
    _held: list[int] = field(default_factory=list, init=False)
    _stage: Counter[int] = field(default_factory=Counter, init=False)
    _deaths: Counter[int] = field(default_factory=Counter, init=False)
    _running: "dict[Future[Outcome], int]" = field(default_factory=dict, init=False)
    _draining: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._waiting = deque(self.stages)

    def run(self, cancel: CancelFlag | None = None) -> bool:
        """Run everything; False when cancelled, with jobs possibly still under way."""
        while self._waiting or self._alone or self._held or self._running:
            if cancel is not None and cancel.is_set():
                return False
            self._start_what_fits()
            self._collect(_POLL_SECONDS)
        return True

    def drain(self) -> None:
        """Give jobs under way some seconds to notice that they were cancelled."""
        self._draining = True
        for future in self._running:
            future.cancel()
        deadline = time.monotonic() + _SECONDS_TO_STOP
        while self._running and time.monotonic() < deadline:
            self._collect(_POLL_SECONDS)

    def _start_what_fits(self) -> None:
        if self._held and (self.gate is None or self.gate.done()):
            held, self._held = self._held, []
            for fov in held:
                self._submit(fov)
        if self._suspects:
            if self._alone and not self._running:
                self._submit(self._alone.popleft())
            return
        while self._waiting and len(self._running) + len(self._held) < self.window:
            self._submit(self._waiting.popleft())

    def _submit(self, fov: int) -> None:
        jobs = self.stages[fov]
        if self._stage[fov] == len(jobs) - 1 and self.gate is not None and not self.gate.done():
            self._held.append(fov)
            return
        self._running[self.submit(jobs[self._stage[fov]])] = fov

    def _collect(self, seconds: float) -> None:
        if not self._running:
            time.sleep(seconds if self._held else 0)
            return
        done, _ = wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        if any(not f.cancelled() and isinstance(f.exception(), BrokenExecutor) for f in done):
            self._survive_a_death()
            return
        for future in done:
            fov = self._running.pop(future)
            if not future.cancelled():
                self._advance(fov, future.result())

    def _advance(self, fov: int, outcome: Outcome) -> None:
        if outcome.cancelled and not self._draining:
            outcome = _stopped_itself(self.stages[fov][self._stage[fov]])
        self._stage[fov] += 1
        if outcome.error or outcome.cancelled or self._stage[fov] == len(self.stages[fov]):
            self._suspects.discard(fov)
            self.on_outcome(outcome)
        else:
            self._submit(fov)

    def _survive_a_death(self) -> None:
        in_flight = list(self._running.values())
        self._running.clear()
        if not self.rebuild():
            raise BrokenExecutor("The executor lost a worker and cannot be used any more.")
        if len(in_flight) == 1:
            self._deaths[in_flight[0]] += 1
        for fov in in_flight:
            if self._deaths[fov] >= _DEATHS_TO_FAIL:
                self._suspects.discard(fov)
                self.on_outcome(_killed(self.stages[fov][self._stage[fov]]))
            else:
                self._suspects.add(fov)
                self._alone.append(fov)


def _killed(job: Job) -> Outcome:
    return _failed(
        job,
        f"The worker processing FOV {job.fov} died {_DEATHS_TO_FAIL} times, probably for lack "
        "of memory: use fewer workers or a machine with more memory.",
    )


def _stopped_itself(job: Job) -> Outcome:
    return _failed(
        job,
        f"The worker processing FOV {job.fov} stopped although nobody had cancelled the run: it "
        "could not reach the run, or a step raised InterruptedError. Give an executor with workers "
        "on this machine, or a dask client's, and run it again.",
    )


def _failed(job: Job, error: str) -> Outcome:
    return Outcome(
        job.fov, job.context.paths(job.fov), failed_step=job.services[0].name, error=error
    )
