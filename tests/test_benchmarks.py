"""The benchmarks run, on a small scene; nothing is asserted of the times."""

from pathlib import Path

import pytest
from benchmarks.speed.__main__ import main
from benchmarks.speed.scenes import Scene


def test_the_speed_table_has_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = Scene(96, 2, n_frames=2)
    main([small], small, long_frames=5, repeats=1, folder=tmp_path)
    table = capsys.readouterr().out
    for step in ("copy", "segmentation", "correction", "tracking", "extraction", "whole FOV"):
        assert step in table
    for line in ("import pyama_core", "from ND2, 2 workers", "preview", "over 5 frames"):
        assert line in table
