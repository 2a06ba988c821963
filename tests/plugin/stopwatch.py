"""How long the plugin's callbacks hold the GUI thread, napari's own work left out."""

import functools
import gc
import time

import napari.settings
import pytest
from napari.components import Dims, LayerList, ViewerModel
from napari.layers import Image, Labels, Layer, Points, Tracks
from napari.utils.events.containers import Selection

from napari_pyama import reader, sample_data
from napari_pyama.background.task import NewestOnly, Task
from napari_pyama.background.viewer_run import ViewerRun
from napari_pyama.docks.lazy_docks import preload
from napari_pyama.docks.recipe_bar import RecipeBar
from napari_pyama.docks.run_dock import RunDock
from napari_pyama.docks.run_form import RunForm
from napari_pyama.docks.step_dock import StepDock, TrialBar
from napari_pyama.docks.steps import TrainingBar
from napari_pyama.sample_data import SampleMaker
from napari_pyama.session.opener import Opener
from napari_pyama.session.viewer_layers import TracksFollower
from napari_pyama.traces.dock import TracesDock
from napari_pyama.traces.export import ExportBar
from napari_pyama.traces.loading import TraceReader
from napari_pyama.traces.plot import TracePlot
from napari_pyama.traces.view import TraceView
from napari_pyama.traces.viewer_link import ViewerLink
from napari_pyama.widgets.basic import ChannelPicker
from napari_pyama.widgets.parameter_form import ParameterRow, SectionForm
from tests.plugin.moment import LOOKING, Moment

OURS = (
    ChannelPicker,
    ExportBar,
    NewestOnly,
    Opener,
    ParameterRow,
    RecipeBar,
    RunDock,
    RunForm,
    SampleMaker,
    SectionForm,
    StepDock,
    Task,
    TracePlot,
    TraceReader,
    TraceView,
    TracesDock,
    TracksFollower,
    TrainingBar,
    TrialBar,
    ViewerLink,
    ViewerRun,
)
CALLBACKS = (
    "__init__",
    "refresh",
    "follow",
    "start",
    "on_shown",
    "on_hidden",
    "on_shut_down",
    "_start",
    "act",
    "look_again",
    "select",
    "show_curves",
    "show_inspection",
    "open_soon",
    "show",
)
FUNCTIONS = (
    (reader, "read_microscopy"),
    (reader, "read_results_folder"),
    (reader, "read_trace_table"),
    (sample_data, "sample_experiment"),
)
LIMIT_MS = 50

timed = pytest.mark.flaky(reruns=2)
"""A machine may stall for a moment; what takes long is long three times in a row."""


class Collections:
    """How long Python has collected garbage: it goes through all objects of a whole test run."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def watch(self) -> None:
        """Begin, unless that has happened; not while Python parses, which 3.11 does not survive."""
        if self._on_collection not in gc.callbacks:
            gc.callbacks.append(self._on_collection)

    def _on_collection(self, phase, _info):
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._began


COLLECTIONS = Collections()


def _not_ours() -> float:
    """Seconds that only tests spend."""
    return COLLECTIONS.seconds + LOOKING.seconds


class Stopwatch:
    """Milliseconds of each callback, the longest by name, once the plugin is preloaded."""

    def __init__(self, monkeypatch) -> None:
        preload()
        COLLECTIONS.watch()
        self.longest: dict[str, float] = {}
        self._left_out = 0.0
        self._depth = 0
        self._in_napari = False
        for kind in OURS:
            for name, method in list(vars(kind).items()):
                if callable(method) and (name.startswith("_on_") or name in CALLBACKS):
                    monkeypatch.setattr(kind, name, self._timed(kind.__name__, name, method))
        for module, name in FUNCTIONS:
            timed = self._timed(module.__name__, name, getattr(module, name))
            monkeypatch.setattr(module, name, timed)
        left_out = (
            (ViewerModel, "add_layer"),
            (LayerList, "remove"),
            (Dims, "set_point"),
            (napari.settings, "get_plugin_settings"),
        )
        for kind, name in left_out:
            monkeypatch.setattr(kind, name, self._leaving_out(getattr(kind, name)))
        active = Selection.active
        setter = self._leaving_out(active.fset)
        monkeypatch.setattr(Selection, "active", property(active.fget, setter))
        monkeypatch.setattr(Layer, "create", staticmethod(self._leaving_out(Layer.create)))
        for kind in (Image, Labels, Points, Tracks):
            own = next(vars(base)["data"] for base in kind.__mro__ if "data" in vars(base))
            setter = self._leaving_out(own.fset)
            monkeypatch.setattr(kind, "data", property(own.fget, setter), raising=False)

    @property
    def slow(self) -> dict[str, float]:
        """The callbacks that held the GUI thread for too long."""
        return {name: ms for name, ms in self.longest.items() if ms >= LIMIT_MS}

    def _timed(self, kind, name, method):
        @functools.wraps(method)
        def timed(*args, **kwargs):
            began, left_out_before = Moment.now(), self._left_out + _not_ours()
            try:
                return method(*args, **kwargs)
            finally:
                left_out = self._left_out + _not_ours() - left_out_before
                spent = began.held() - left_out
                key = f"{kind}.{name}"
                self.longest[key] = max(self.longest.get(key, 0.0), 1000 * spent)

        return timed

    def _leaving_out(self, function):
        @functools.wraps(function)
        def left_out(*args, **kwargs):
            if self._in_napari:
                return function(*args, **kwargs)
            self._in_napari, began, not_ours_before = True, Moment.now(), _not_ours()
            try:
                return function(*args, **kwargs)
            finally:
                self._in_napari = False
                not_ours = _not_ours() - not_ours_before
                self._left_out += began.held() - not_ours

        return left_out
