"""Read the traces of the FOV in view off the GUI thread, and again when they change."""

from typing import Final

from qtpy.QtCore import QObject, QTimer, Signal

from napari_pyama.newest import NewestOnly
from napari_pyama.traces.loading import Loaded, TraceLoader
from napari_pyama.view import ResultsInView

LOOK_AGAIN_MS: Final = 3000
"""How often files are looked at, since a run may write new ones at any time."""


class TraceReader(QObject):
    """Reads what is asked for; of several requests the newest counts."""

    read = Signal(object, object)
    """The `ResultsInView` that was asked for and what was `Loaded`."""
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._loader = TraceLoader()
        self._newest = NewestOnly(parent=self)
        self._asked: ResultsInView | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_AGAIN_MS)
        self._timer.timeout.connect(self.look_again)
        self._newest.done.connect(self._on_done)
        self._newest.failed.connect(self.failed)

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return self._newest.busy

    def ask(self, results: ResultsInView) -> None:
        """Read a FOV unless it is the one that was asked for last."""
        asked = self._asked
        same = asked is not None and asked.files is results.files
        if not (same and asked is not None and asked.view.fov == results.view.fov):
            self._request(results)

    def forget(self) -> None:
        """Have nothing read any more."""
        self._asked = None
        self._newest.drop()

    def look_again(self, _fov: int = 0) -> None:
        """Read the FOV again where its files have changed."""
        if self._asked is not None and not self.busy:
            self._request(self._asked)

    def watch(self, on: bool) -> None:
        """Look at the files from time to time, or stop doing so."""
        if on:
            self.look_again()
            self._timer.start()
        else:
            self._timer.stop()

    def close(self) -> None:
        """Stop for good."""
        self._timer.stop()
        self._newest.close()

    def _request(self, results: ResultsInView) -> None:
        self._asked = results
        view, load = results.view, self._loader.load
        n_fovs = view.source.metadata.n_fovs
        self._newest.request(lambda: (results, load(results.files, n_fovs, view.fov)))

    def _on_done(self, outcome: tuple[ResultsInView, Loaded]) -> None:
        self.read.emit(*outcome)
