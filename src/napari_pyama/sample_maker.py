"""Open a sample while napari is in use, and make its file first where it is missing."""

import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import QObject

from napari_pyama.notices import notify_error
from napari_pyama.opener import opener_of
from napari_pyama.sample_file import SampleFile
from napari_pyama.task import ActivityBar, Report, Task, tick_of

if TYPE_CHECKING:
    from napari_pyama.layers import LayerTuple
    from napari_pyama.opened import Opened

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
        from napari_pyama.opened import open_images

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
