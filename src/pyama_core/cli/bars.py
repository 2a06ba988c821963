"""Progress of a run in the terminal: one bar for all FOVs, one for each FOV under way."""

import sys
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from pyama_core.processing.workflow.services.base import NO_PROGRESS, WORKFLOW, ProgressEvent


class ProgressBars:
    """Takes progress events; draws bars on a terminal, plain lines elsewhere."""

    def __init__(self, n_fovs: int) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last_task: dict[int, str] = {}
        self._bars: dict[int, Any] = {}
        self._overall = tqdm(
            total=n_fovs, desc="FOVs", unit="FOV", disable=not self._is_terminal, leave=False
        )

    def __call__(self, event: ProgressEvent) -> None:
        """Show an event."""
        if event["message"].startswith(NO_PROGRESS):
            write_event(event)
        elif event["step"] == WORKFLOW:
            self._end_fov(event)
        elif self._is_terminal and event["fov"] >= 0:
            self._draw(event)
        else:
            self._say_step(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for bar in (*self._bars.values(), self._overall):
            bar.close()

    def _draw(self, event: ProgressEvent) -> None:
        fov = event["fov"]
        if fov not in self._bars:
            self._bars[fov] = tqdm(total=event["T"], unit="frame", leave=False)
        bar = self._bars[fov]
        task = f"{event['step']}: {event['message']}"
        if self._last_task.get(fov) != task:
            self._last_task[fov] = task
            bar.set_description_str(f"FOV {fov:3d} {task}", refresh=False)
            bar.reset(event["T"])
        bar.n = event["t"] + 1
        bar.refresh()

    def _end_fov(self, event: ProgressEvent) -> None:
        if bar := self._bars.pop(event["fov"], None):
            bar.close()
        self._overall.update()
        tqdm.write(f"FOV {event['fov']}: {event['message']}", file=sys.stderr)

    def _say_step(self, event: ProgressEvent) -> None:
        if self._last_task.get(event["fov"]) != event["step"]:
            self._last_task[event["fov"]] = event["step"]
            write_event(event)


def write_event(event: ProgressEvent) -> None:
    """Write an event as a line of its own, above the bars where there are any."""
    where = f"FOV {event['fov']}: " if event["fov"] >= 0 else ""
    tqdm.write(f"{where}{event['step']}: {event['message']}", file=sys.stderr)
