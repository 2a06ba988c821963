"""Read all that the dock shows of one FOV; files that have not changed are not read again."""

import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qtpy.QtCore import QObject, QTimer, Signal

from napari_pyama.background.task import NewestOnly
from napari_pyama.layers.raw import FilesOf
from napari_pyama.session.view import ResultsInView
from napari_pyama.traces.marks import Marks, giving_way, wait_for_saves
from napari_pyama.traces.trace_set import Table, TraceSet, trace_set, verdicts_of
from pyama_core.io.result_files import ChannelPath, ResultsPathsPerFOV
from pyama_core.io.trace_table import read_lineage_table, read_trace_table
from pyama_core.io.traces import read_traces
from pyama_core.messages import Message

_FOVS_KEPT: Final = 8


@dataclass(frozen=True)
class ChannelTraces:
    """The traces of one channel and the table they come from."""

    path: Path
    """As the workflow wrote it; marks go into its inspected copy."""
    traces: TraceSet


@dataclass(frozen=True)
class FovTraces:
    """All traces of one FOV.

    Attributes
    ----------
    channels
        By channel, ascending; empty where nothing has been measured yet.
    marks
        What a person said of them so far.
    lineage
        The lineage table; empty where there is none.
    messages
        What a user should know.
    """

    fov: int
    channels: dict[int, ChannelTraces]
    marks: Marks
    lineage: Table
    messages: list[Message]


@dataclass(frozen=True)
class Loaded:
    """The FOVs that have traces, and the traces of one."""

    fovs: list[int]
    traces: FovTraces


_Signature = tuple[tuple[str, int, int], ...]
"""Name, time of change and size of the files of a FOV."""


class TraceLoader:
    """Reads FOVs and keeps those read last, with the history of their marks."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Signature, FovTraces] = OrderedDict()

    def load(self, files: FilesOf, n_fovs: int, fov: int) -> Loaded:
        """Read a FOV; the same object comes back as long as its files stay as they are.

        Parameters
        ----------
        files
            Gives the files of each FOV.
        n_fovs
            How many FOVs the experiment has.
        fov
            Which one is wanted.

        Raises
        ------
        ReadError
            A table is damaged.
        """
        wait_for_saves()
        fovs = [other for other in range(n_fovs) if _tables(files(other))]
        return Loaded(fovs, self._traces(files(fov), fov))

    def _traces(self, paths: ResultsPathsPerFOV, fov: int) -> FovTraces:
        signature = _signature(paths)
        if signature not in self._kept:
            with giving_way():
                self._kept[signature] = _read(paths, fov)
        self._kept.move_to_end(signature)
        while len(self._kept) > _FOVS_KEPT:
            self._kept.popitem(last=False)
        return self._kept[signature]


def _tables(paths: ResultsPathsPerFOV) -> list[ChannelPath]:
    return [pair for pair in paths.traces_csv if pair[1].exists()]


def _signature(paths: ResultsPathsPerFOV) -> _Signature:
    """Tell versions of a FOV's files apart; the inspected copies are ours and do not count."""
    found = [path for _, path in [*paths.traces_csv, *([paths.lineage] if paths.lineage else [])]]
    states = []
    for path in found:
        with contextlib.suppress(FileNotFoundError):
            state = path.stat()
            states.append((str(path), state.st_mtime_ns, state.st_size))
    return tuple(states)


def _read(paths: ResultsPathsPerFOV, fov: int) -> FovTraces:
    channels: dict[int, ChannelTraces] = {}
    marks: dict[Path, dict[int, bool]] = {}
    messages: list[Message] = []
    for channel, path in _tables(paths):
        found = read_traces(path, channel)
        marks.setdefault(path, found.marks)
        by_filters = verdicts_of(read_trace_table(path)) if found.marks else {}
        traces = trace_set(found.table, by_filters)
        if traces.features:
            channels[channel] = ChannelTraces(path, traces)
        messages += [message for message in found.messages if message not in messages]
    lineage = paths.lineage
    has_lineage = lineage is not None and lineage[1].exists()
    table = read_lineage_table(lineage[1]) if lineage is not None and has_lineage else {}
    return FovTraces(fov, channels, Marks(marks), table, messages)


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
