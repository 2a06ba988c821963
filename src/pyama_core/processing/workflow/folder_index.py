"""The index of an output folder, made from what the status files of its FOVs say."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyama_core.io.atomic import only_beside
from pyama_core.io.result_files import ResultsPathsPerFOV, as_files, fov_folders, scan_fov
from pyama_core.io.results import ResultsIndex, write_results
from pyama_core.io.source_entry import MADE_FROM, source_entry
from pyama_core.processing.workflow.layout import STATUS_FILE
from pyama_core.processing.workflow.locks import HEARTBEAT_SECONDS, awaited_lock
from pyama_core.processing.workflow.prepare import PreparedRun
from pyama_core.processing.workflow.runlog import RunFile
from pyama_core.processing.workflow.status import read_status

_SECONDS_BETWEEN_WRITES: Final = 1.0
_PAUSE_PER_WRITE: Final = 20.0
"""How much longer than a write the pause after it is: on slow disks it costs 5 % of the time."""

_Signature = tuple[int, int, int] | None


@dataclass(frozen=True)
class _Entry:
    """What one FOV's status file said when it was read."""

    signature: _Signature
    files: ResultsPathsPerFOV
    error: str

    @property
    def is_empty(self) -> bool:
        return not self.error and not self.files.pairs()


class FolderIndex:
    """The index of all FOVs in an output folder, whichever runs make them.

    It may be written by several runs, under the folder's lock: each finds all that was recorded
    before, so whichever is last has everything.
    """

    def __init__(self, run: PreparedRun) -> None:
        self._run = run
        self._entries: dict[int, _Entry] = {}
        layout, context = run.layout, run.context
        self.content = ResultsIndex(
            output_dir=layout.output_dir,
            channels_pc=layout.pc,
            channels_fl=list(layout.fl),
            params=context.params,
            time_units=context.time_units,
        )

    def write(self) -> None:
        """Read what has changed, and write the index."""
        folders = fov_folders(self._run.layout.output_dir)
        self._entries = {fov: self._entry(fov, folder) for fov, folder in folders.items()}
        told = {fov: entry for fov, entry in self._entries.items() if not entry.is_empty}
        self.content.fovs = {fov: entry.files for fov, entry in told.items()}
        metadata = self._run.metadata
        self.content.extra = {
            MADE_FROM: source_entry(metadata),
            "warnings": list(metadata.warnings),
            "failures": {str(fov): entry.error for fov, entry in told.items() if entry.error},
        }
        write_results(self.content)

    def _entry(self, fov: int, folder: Path) -> _Entry:
        known, signature = self._entries.get(fov), _signature(folder / STATUS_FILE)
        if known is not None and signature is not None and known.signature == signature:
            return known
        files = as_files(scan_fov(folder), self._run.layout.trace_channels())
        return _Entry(signature, files, read_status(folder / STATUS_FILE).error)


class IndexWriter:
    """Writes an index in a thread of its own, at most once a second, and says that a run lives."""

    def __init__(self, index: FolderIndex, file: RunFile, lock: Path) -> None:
        self._index = index
        self._file = file
        self._lock = lock
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._keep_writing, name="index", daemon=True)
        self._thread.start()

    def mark_changed(self) -> None:
        """Have the index written soon.

        Raises
        ------
        OSError
            It could not be written.
        """
        if self._error is not None:
            raise self._error
        self._changed.set()

    def stop(self) -> None:
        """End the thread, after what it is writing."""
        self._stopped.set()
        self._changed.set()
        self._thread.join()

    def _keep_writing(self) -> None:
        try:
            with only_beside(self._file.path):
                while not self._stopped.is_set():
                    is_changed = self._changed.wait(HEARTBEAT_SECONDS)
                    self._file.touch()
                    if is_changed and not self._stopped.is_set():
                        self._stopped.wait(self._write())
        except Exception as error:
            self._error = error

    def _write(self) -> float:
        """Write the index, and return how long to wait before the next time."""
        self._changed.clear()
        started = time.monotonic()
        with awaited_lock(self._lock):
            self._index.write()
        seconds = time.monotonic() - started
        return max(_SECONDS_BETWEEN_WRITES, _PAUSE_PER_WRITE * seconds)


def _signature(path: Path) -> _Signature:
    """Tell whether a file was replaced; None where there is none."""
    try:
        known = path.stat()
    except OSError:
        return None
    return known.st_mtime_ns, known.st_size, known.st_ino
