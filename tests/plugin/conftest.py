"""Fixtures for tests of docks: a viewer with an experiment, a way to show docks, patience."""

from collections.abc import Callable, Iterator

import pytest
from napari.components import ViewerModel

from napari_pyama.widgets.dock import Dock
from tests.plugin.sources import experiment, open_in
from tests.plugin.stopwatch import Stopwatch


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
