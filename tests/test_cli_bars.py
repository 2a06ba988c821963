"""Progress in a terminal and elsewhere."""

import io
import re
import sys
import time

import pytest

from pyama_core.cli.report import ProgressBars
from pyama_core.processing.workflow.services.base import WORKFLOW, ProgressEvent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def event(step: str, t: int, message: str = "working") -> ProgressEvent:
    return ProgressEvent(step=step, fov=3, t=t, T=10, message=message)


def test_each_task_of_a_fov_has_a_speed_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with ProgressBars(1) as bars:
        bars(event("copy", 9))
        time.sleep(0.3)
        bars(event("segmentation", 0))
        time.sleep(0.01)
        bars(event("segmentation", 9))
    drawn = terminal.getvalue()
    assert "FOV   3 segmentation: working: 100%" in drawn
    speeds = re.findall(r"([\d.]+)frame/s", drawn.split("segmentation")[-1])
    assert float(speeds[-1]) > 60


def test_elsewhere_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(1) as bars:
        for t in range(3):
            bars(event("copy", t))
        bars(event("tracking", 0))
        bars(event(WORKFLOW, 0, "done"))
    assert capsys.readouterr().err.splitlines() == [
        "FOV 3: copy: working",
        "FOV 3: tracking: working",
        "FOV 3: done",
    ]
