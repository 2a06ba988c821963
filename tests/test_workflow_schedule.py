"""Which FOV goes where and when: with workers and a clock that do what a test wants."""

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import Any

import pytest

from pyama_core.errors import LostError
from pyama_core.io import MicroscopyMetadata
from pyama_core.processing.workflow.execution import scheduler as schedule
from pyama_core.processing.workflow.execution.pool import LocalSink
from pyama_core.processing.workflow.execution.progress import Place, this_place
from pyama_core.processing.workflow.execution.progress_server import ProgressHub
from pyama_core.processing.workflow.execution.scheduler import Schedule
from pyama_core.processing.workflow.execution.worker import Job, Outcome
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.services.base import BaseProcessingService
from tests.runs import context_for

HERE = this_place()


class Step(BaseProcessingService):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Clock:
    """Seconds that pass only where a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Workers:
    """As many workers as are wanted; a job takes the seconds that are planned for it."""

    why_cancelled = "The workers were sent home."

    def __init__(self, hub: ProgressHub, clock: Clock, n_workers: int) -> None:
        self.hub, self.clock = hub, clock
        self.n_workers = n_workers
        self.seconds: dict[tuple[int, str], float] = {}
        self.crashes: dict[int, int] = {}
        self.begun: dict[Future[Any], tuple[Job, float]] = {}
        self.queue: list[tuple[Future[Any], Job]] = []
        self.ended: list[int] = []
        self.log: list[int] = []
        self.can_end = True
        self.waiting = ""

    def run(self, job: Job) -> "Future[Outcome]":
        future = Future[Outcome]()
        self.queue.append((future, job))
        return future

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        while self.queue and len(self.begun) < self.n_workers:
            future, job = self.queue.pop(0)
            self.begun[future] = (job, self.clock.now)
            self.hub.started(job.fov, job.services[0].name, HERE)
            self.log.append(job.fov)
        self.clock.now += seconds
        for future, (job, begun) in list(self.begun.items()):
            planned = self.seconds.get((job.fov, job.services[0].name), 1.0)
            if self.clock.now - begun >= planned:
                del self.begun[future]
                self._finish(future, job)

    def _finish(self, future: "Future[Outcome]", job: Job) -> None:
        if self.crashes.get(job.fov, 0) > 0:
            self.crashes[job.fov] -= 1
            future.set_exception(BrokenExecutor())
        else:
            future.set_result(Outcome(job.fov, job.context.paths(job.fov)))

    def place(self, future: "Future[Outcome]") -> Place | None:
        return None

    def end(self, future: "Future[Any]", place: Place | None) -> bool:
        if future in self.begun:
            self.ended.append(self.begun[future][0].fov)
            if self.can_end:
                del self.begun[future]
        return self.can_end

    def has_lost(self, place: Place) -> bool:
        return False

    def waits_for(self) -> str:
        return self.waiting

    def check(self) -> None:
        """Hope."""

    def check_after_crash(self) -> None:
        """Go on."""

    def capacity(self) -> int:
        return 0

    def is_crash(self, error: BaseException) -> bool:
        return isinstance(error, BrokenExecutor)


class Bench:
    """A schedule of some FOVs, each with two jobs, and what became of them."""

    def __init__(self, folder: Path, clock: Clock, n_fovs: int, n_workers: int, **options: Any):
        self.hub = ProgressHub()
        self.workers = Workers(self.hub, clock, n_workers)
        self.outcomes: dict[int, str] = {}
        metadata = MicroscopyMetadata(Path("a.nd2"), "a", n_fovs, 3, 9, 9)
        layout = Layout(folder, "a", 0)
        self.schedule = Schedule(
            stages={
                fov: [
                    Job(
                        fov,
                        metadata,
                        context_for(folder),
                        layout,
                        [Step(name)],
                        {},
                        LocalSink(self.hub, fov),
                    )
                    for name in ("copy", "segmentation")
                ]
                for fov in range(n_fovs)
            },
            n_ahead=options.pop("n_ahead", n_fovs),
            workers=self.workers,
            hub=self.hub,
            on_outcome=self.take,
            **options,
        )

    def take(self, outcome: Outcome) -> None:
        self.outcomes[outcome.fov] = outcome.error

    @property
    def failed(self) -> dict[int, str]:
        return {fov: error for fov, error in self.outcomes.items() if error}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(schedule, "time", clock)
    yield clock


@pytest.fixture
def bench(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    def make(n_fovs: int, n_workers: int, **options: Any) -> Bench:
        made = Bench(tmp_path, clock, n_fovs, n_workers, **options)

        def wait(running: Any, timeout: float = 0.0, return_when: str = "") -> Any:
            made.workers.turn(0.5)
            return {future for future in running if future.done()}, set()

        monkeypatch.setattr(schedule, "wait", wait)
        return made

    return make


def test_waiting_for_a_worker_is_no_work(bench: Callable[..., Bench]) -> None:
    """Six FOVs of two seconds each on one worker: the last one waits for ten."""
    on = bench(6, 1, timeout=3.0)
    assert on.schedule.run()
    assert on.outcomes == dict.fromkeys(range(6), "")


def test_all_jobs_of_a_fov_count_together(bench: Callable[..., Bench]) -> None:
    on = bench(3, 3, timeout=3.0)
    on.workers.seconds = {(1, "copy"): 2.5, (1, "segmentation"): 2.5}
    assert on.schedule.run()
    assert list(on.failed) == [1]
    assert "FOV 1 took more than 3 s of work, the limit that was set" in on.failed[1]
    assert on.workers.ended == [1]


def test_time_in_which_the_run_itself_was_stopped_does_not_count(
    bench: Callable[..., Bench], clock: Clock
) -> None:
    on = bench(1, 1, timeout=10.0)
    on.workers.seconds = {(0, "copy"): 3600.0}
    turn = on.workers.turn

    def after_a_pause(seconds: float) -> None:
        clock.now += 3600.0 if clock.now == 2.0 else 0.0
        turn(seconds)

    on.workers.turn = after_a_pause  # type: ignore[method-assign]
    assert on.schedule.run()
    assert on.failed == {}


def test_work_does_not_count_while_the_workers_are_away(bench: Callable[..., Bench]) -> None:
    on = bench(1, 1, timeout=3.0)
    on.workers.seconds = {(0, "copy"): 20.0}
    on.workers.waiting = "workers"
    assert on.schedule.run()
    assert on.failed == {}


def test_a_fov_whose_worker_crashed_is_tried_once_more_when_nothing_else_runs(
    bench: Callable[..., Bench],
) -> None:
    on = bench(4, 2)
    on.workers.crashes = {0: 1, 1: 2}
    assert on.schedule.run()
    assert list(on.failed) == [1]
    assert "FOV 1 died 2 times" in on.failed[1]
    assert sorted(on.workers.log[-3:]) == [0, 0, 1]


def test_workers_that_cannot_be_ended_are_left_and_hope_ends_with_the_last_one(
    bench: Callable[..., Bench],
) -> None:
    on = bench(3, 1, timeout=3.0)
    on.workers.can_end = False
    on.workers.seconds = {(0, "copy"): 1e9}
    with pytest.raises(LostError, match="at work on FOVs that were given up"):
        on.schedule.run()
    assert "could not be ended and may still be at work" in on.failed[0]


def test_kernels_that_are_compiled_for_too_long_keep_nobody_waiting(
    bench: Callable[..., Bench], clock: Clock
) -> None:
    on = bench(2, 2, gate=Future[None]())
    assert on.schedule.run()
    assert 300 < clock.now < 400
    assert on.failed == {}


def test_an_executor_that_cancels_by_itself_is_lost(bench: Callable[..., Bench]) -> None:
    on = bench(1, 0)
    run = on.workers.run

    def cancelled(job: Job) -> "Future[Outcome]":
        future = run(job)
        future.cancel()
        return future

    on.workers.run = cancelled  # type: ignore[method-assign]
    with pytest.raises(LostError, match="sent home"):
        on.schedule.run()


def test_no_more_fovs_are_under_way_than_are_wanted(bench: Callable[..., Bench]) -> None:
    on = bench(9, 9, n_ahead=2)
    turn, most = on.workers.turn, []

    def counted(seconds: float) -> None:
        turn(seconds)
        most.append(len(on.workers.begun))

    on.workers.turn = counted  # type: ignore[method-assign]
    assert on.schedule.run()
    assert max(most) == 2
