"""Trackers are chosen by name; those of other packages plug in."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from pyama_core.errors import InputError
from pyama_core.processing import registry
from pyama_core.processing.tracking import TrackingParams, track_stack
from tests.reference.tracking import discs, ids_at

PAGE = Path(__file__).parents[1] / "docs" / "custom-tracker.md"


def dividing_cell():
    moving = [{1: (40.0, 30.0 + 3 * t, 9.0), 2: (70.0, 100.0, 11.0)} for t in range(3)]
    after = [
        {1: (40.0, 39.0 + 3 * t, 9.0), 3: (70.0, 92.0, 8.0), 4: (70.0, 110.0, 8.0)}
        for t in range(3)
    ]
    return discs(moving + after)


def test_laptrack_follows_cells_and_divisions():
    pytest.importorskip("laptrack")
    truth = dividing_cell()
    tracking = track_stack(truth, TrackingParams(method="laptrack", max_distance=15))
    assert len(set(ids_at(tracking, truth, 1))) == 1
    mother = ids_at(tracking, truth, 2)[0]
    assert tracking.lineage.parent.tolist().count(mother) == 2


def test_laptrack_closes_gaps_and_takes_missing_frames():
    pytest.importorskip("laptrack")
    truth = discs([{1: (40.0, 30.0 + 2 * t, 9.0)} for t in range(6)])
    truth[2] = 0
    params = TrackingParams(method="laptrack")
    assert len(track_stack(truth > 0, params).lineage) == 1
    assert len(track_stack(truth > 0, params, missing=[2]).lineage) == 1
    assert len(track_stack(np.zeros((3, 16, 16), bool), params).lineage) == 0


def test_the_tracker_of_the_documentation_plugs_in(monkeypatch, tmp_path):
    code, table = re.findall(r"```(?:python|toml)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "my_trackers.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    offered = tomllib.loads(table)["project"]["entry-points"]["pyama_core.tracking"]
    entries = [EntryPoint(name, place, "pyama_core.tracking") for name, place in offered.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    truth = discs([{1: (40.0, 30.0 + 3 * t, 9.0), 2: (70.0, 90.0, 9.0)} for t in range(4)])
    tracking = track_stack(truth > 0, TrackingParams(method="nearest"))
    assert len(tracking.lineage) == 2
    assert len(set(ids_at(tracking, truth, 1))) == 1


def test_an_unknown_tracker_names_those_there_are():
    with pytest.raises(InputError, match=r"'nearest'.*laptrack.*overlap"):
        track_stack(dividing_cell(), TrackingParams(method="nearest"))


def test_importing_tracking_loads_no_heavy_package():
    code = (
        "import sys, pyama_core.processing.tracking as t; import numpy as np;"
        "list(t.track_stack(np.ones((2, 16, 16), bool), t.TrackingParams()));"
        "print([m for m in ('pandas', 'skimage', 'matplotlib', 'napari') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_laptrack_says_what_to_install(monkeypatch):
    monkeypatch.delitem(
        sys.modules, "pyama_core.processing.tracking.laptrack_adapter", raising=False
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"napari-pyama\[laptrack\]"):
        track_stack(dividing_cell(), TrackingParams(method="laptrack"))
