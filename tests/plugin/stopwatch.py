"""How long the plugin's callbacks hold the GUI thread, napari's own work left out."""

import functools
import time

from napari.components import Dims, LayerList, ViewerModel
from napari.layers import Image, Labels, Layer, Points, Tracks
from napari.utils.events.containers import Selection

from napari_pyama.newest import NewestOnly
from napari_pyama.task import Task
from napari_pyama.traces.dock import TracesDock
from napari_pyama.traces.export_bar import ExportBar
from napari_pyama.traces.link import ViewerLink
from napari_pyama.traces.plot import TracePlot
from napari_pyama.traces.reading import TraceReader
from napari_pyama.traces.view import TraceView
from napari_pyama.tracks_follower import TracksFollower
from napari_pyama.widgets.channel_picker import ChannelPicker
from napari_pyama.widgets.parameter_row import ParameterRow
from napari_pyama.widgets.recipe_bar import RecipeBar
from napari_pyama.widgets.run import RunDock
from napari_pyama.widgets.run_form import RunForm
from napari_pyama.widgets.section_form import SectionForm
from napari_pyama.widgets.step_dock import StepDock
from napari_pyama.widgets.trial_bar import TrialBar

OURS = (
    ChannelPicker,
    ExportBar,
    NewestOnly,
    ParameterRow,
    RecipeBar,
    RunDock,
    RunForm,
    SectionForm,
    StepDock,
    Task,
    TracePlot,
    TraceReader,
    TraceView,
    TracesDock,
    TracksFollower,
    TrialBar,
    ViewerLink,
)
CALLBACKS = (
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
)


class Stopwatch:
    """Milliseconds of each callback, the longest by name.

    By the thread's own clock, which stands still while a busy machine does other things.
    """

    def __init__(self, monkeypatch) -> None:
        self.longest: dict[str, float] = {}
        self._left_out = 0.0
        self._depth = 0
        self._in_napari = False
        for kind in OURS:
            for name, method in list(vars(kind).items()):
                if callable(method) and (name.startswith("_on_") or name in CALLBACKS):
                    monkeypatch.setattr(kind, name, self._timed(kind.__name__, name, method))
        left_out = ((ViewerModel, "add_layer"), (LayerList, "remove"), (Dims, "set_point"))
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

    def _timed(self, kind, name, method):
        @functools.wraps(method)
        def timed(*args, **kwargs):
            began, left_out_before = time.thread_time(), self._left_out
            try:
                return method(*args, **kwargs)
            finally:
                spent = time.thread_time() - began - (self._left_out - left_out_before)
                key = f"{kind}.{name}"
                self.longest[key] = max(self.longest.get(key, 0.0), 1000 * spent)

        return timed

    def _leaving_out(self, function):
        @functools.wraps(function)
        def left_out(*args, **kwargs):
            if self._in_napari:
                return function(*args, **kwargs)
            self._in_napari, began = True, time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._in_napari = False
                self._left_out += time.thread_time() - began

        return left_out
