"""Fixtures for tests of docks: a viewer with an experiment, a way to show docks, patience."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from napari.components import ViewerModel

from napari_pyama.docks.dock import Dock
from napari_pyama.reader import read_results_folder
from napari_pyama.traces.dock import TracesDock
from tests.plugin.sources import experiment, open_in, open_layers
from tests.plugin.stopwatch import Stopwatch
from tests.plugin.trace_tables import results_folder


@pytest.fixture
def viewer() -> ViewerModel:
    """A viewer without a window, showing the first frame of a small experiment."""
    model = ViewerModel()
    open_in(model, experiment())
    return model


@pytest.fixture
def shown(qtbot) -> Iterator[Callable[[Dock], Dock]]:
    """Show a dock, and shut it down at the end."""
    docks = []

    def show(dock: Dock) -> Dock:
        docks.append(dock)
        qtbot.addWidget(dock)
        dock.resize(360, 700)
        dock.show()
        return dock

    yield show
    for dock in docks:
        dock.shut_down()


@pytest.fixture
def until(qtbot) -> Callable[..., None]:
    """Wait until a condition holds, while Qt works."""

    def wait(condition: Callable[[], bool], seconds: float = 100) -> None:
        qtbot.waitUntil(condition, timeout=int(1000 * seconds))

    return wait


@pytest.fixture
def stopwatch(monkeypatch) -> Stopwatch:
    """Takes the time of every callback of the plugin that runs on the GUI thread."""
    return Stopwatch(monkeypatch)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Results of two FOVs with traces of four cells in two channels."""
    return results_folder(tmp_path / "results")


@pytest.fixture
def opened(folder) -> ViewerModel:
    """A viewer without a window, showing those results."""
    viewer = ViewerModel()
    open_layers(viewer, read_results_folder(str(folder)))
    return viewer


@pytest.fixture
def dock(opened, shown, until) -> TracesDock:
    """The dock of traces, showing those of the first FOV."""
    dock = shown(TracesDock(opened))
    until(lambda: dock.inspection is not None)
    return dock
