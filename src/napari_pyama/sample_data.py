"""The sample experiments, to try the plugin without data."""

import getpass
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from napari import current_viewer
from qtpy.QtCore import QObject

from napari_pyama.background.task import ActivityBar, Report, Task, tick_of
from napari_pyama.reader import read_microscopy
from napari_pyama.session.opener import opener_of
from napari_pyama.widgets.messages import notify_error, user_is_waiting
from pyama_core.processing.stack import Tick, no_tick

if TYPE_CHECKING:
    from napari_pyama.layers.raw import LayerTuple
    from napari_pyama.session.opened import Opened


@dataclass(frozen=True)
class SampleFile:
    """A synthetic experiment; its file stays where temporary files are.

    Results and marks made from it are found again after a restart.
    """

    name: str
    title: str
    plan: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `pyama_core.sample.SamplePlan`."""

    @property
    def path(self) -> Path:
        """The ND2 file, made or not."""
        folder = f"napari-pyama-{version('napari-pyama')}-{_user()}"
        return Path(tempfile.gettempdir()) / folder / f"{self.name}.nd2"

    @property
    def n_frames(self) -> int:
        """Frames of each field of view."""
        from pyama_core.sample import SamplePlan

        return SamplePlan(**self.plan).n_frames

    def make(self, tick: Tick = no_tick) -> None:
        """Write the file, which takes seconds, unless it is there.

        Parameters
        ----------
        tick
            Called before each frame; may raise to cancel, which leaves no file.
        """
        from pyama_core.sample import make_sample

        if self.path.exists():
            return
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        make_sample(self.path, with_ids=False, tick=tick, **self.plan)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "user"


_MAKING: Final = "making"
"""The key of a note's metadata under which the name of its sample stands."""
_PARTS: Final = 100
"""Parts of the progress bar."""


class SampleMaker(QObject):
    """Makes one sample at a time for all viewers that want it.

    A note stands in each of them meanwhile; where it is removed, or the viewer is closed, the
    sample is not wanted any more.

    Parameters
    ----------
    sample
        What is made.
    """

    def __init__(self, sample: SampleFile) -> None:
        super().__init__()
        self._sample = sample
        self._viewers: list[Any] = []
        self._activity = ActivityBar(self._cancel)
        self.task = Task(self)
        self.task.reported.connect(lambda parts: self._activity.show(parts))
        self.task.succeeded.connect(self._on_made)
        self.task.failed.connect(self._on_failed)
        self.task.finished.connect(self._on_finished)

    def open_soon(self, viewer: Any) -> "LayerTuple":
        """Return a note to show in a viewer until the sample is open in it."""
        if viewer not in self._viewers:
            self._viewers.append(viewer)
            viewer.layers.events.removed.connect(self._on_removed)
        if not self.task.running:
            self._start()
        return _note(self._sample)

    def _start(self) -> None:
        self._activity = ActivityBar(self._cancel)
        self.task.start(self._make)
        self._activity.open(f"Opening the {self._sample.title}", _PARTS)

    def _make(self, report: Report, cancel: threading.Event) -> "Opened":
        from napari_pyama.session.opened import open_images

        n_frames = self._sample.n_frames
        self._sample.make(tick_of(report, cancel, lambda _, frame: _PARTS * frame // n_frames))
        return open_images([self._sample.path])

    def _on_made(self, opened: "Opened") -> None:
        for viewer in self._forget_viewers():
            opener_of(viewer).show(opened)

    def _on_removed(self, event: Any) -> None:
        """Do without the viewers that have lost their note; stop where none is left."""
        for viewer in [viewer for viewer in self._viewers if not _notes(viewer, self._sample)]:
            self._forget(viewer)
        if not self._viewers:
            self.task.cancel()

    def _cancel(self) -> None:
        self._forget_viewers()
        self.task.cancel()

    def _on_failed(self, error: BaseException) -> None:
        self._forget_viewers()
        notify_error(error)

    def _on_finished(self) -> None:
        """End; begin anew where the sample was cancelled and then asked for again."""
        self._activity.close()
        if self._viewers:
            self._start()

    def _forget_viewers(self) -> list[Any]:
        """Take the notes out of all viewers and return these."""
        viewers = list(self._viewers)
        for viewer in viewers:
            self._forget(viewer)
            for note in _notes(viewer, self._sample):
                viewer.layers.remove(note)
        return viewers

    def _forget(self, viewer: Any) -> None:
        self._viewers.remove(viewer)
        viewer.layers.events.removed.disconnect(self._on_removed)


_MAKERS: dict[str, SampleMaker] = {}


def maker_of(sample: SampleFile) -> SampleMaker:
    """Return who makes a sample; the same each time."""
    if sample.name not in _MAKERS:
        _MAKERS[sample.name] = SampleMaker(sample)
    return _MAKERS[sample.name]


def _note(sample: SampleFile) -> "LayerTuple":
    arguments = {
        "name": f"Opening the {sample.title}…",
        "metadata": {_MAKING: sample.name},
        "contrast_limits": (0, 1),
    }
    return np.zeros((1, 1), np.uint8), arguments, "image"


def _notes(viewer: Any, sample: SampleFile) -> list[Any]:
    return [layer for layer in viewer.layers if layer.metadata.get(_MAKING) == sample.name]


def sample_experiment() -> "list[LayerTuple]":
    """Open cells that move, divide and light up in two colors, in two fields of view."""
    return _open(SampleFile("sample", "sample experiment"))


def sample_colony() -> "list[LayerTuple]":
    """Open a colony of rods that grows by division."""
    plan = {"colony": True, "n_fovs": 1, "n_frames": 30}
    return _open(SampleFile("colony", "growing colony", plan))


def _open(sample: SampleFile) -> "list[LayerTuple]":
    """Open a sample; where napari is in use, a note stands for it until it is made and open."""
    viewer = current_viewer()
    if viewer is not None and user_is_waiting():
        return [maker_of(sample).open_soon(viewer)]
    sample.make()
    return read_microscopy(str(sample.path))
