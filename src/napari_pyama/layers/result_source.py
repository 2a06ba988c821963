"""A folder of results as an experiment: its raw frames from the file, else from the copies."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pyama.layers.lazy import npy_form, npy_frame
from napari_pyama.layers.raw import FilesOf
from pyama_core.columns import CHANNEL, FOV, FRAME, POSITION_X, POSITION_Y, TIME
from pyama_core.errors import InputError, ReadError
from pyama_core.fov_ranges import format_fovs
from pyama_core.io import ChannelInfo, MicroscopyFile, MicroscopyMetadata, open_microscopy
from pyama_core.io.inspection import original_path
from pyama_core.io.result_files import ResultsPathsPerFOV, fov_folders
from pyama_core.io.results import RecordedSource, ResultsIndex, read_results, recorded_source
from pyama_core.io.sources import BaseSource
from pyama_core.io.traces import channels_of, read_traces
from pyama_core.processing.workflow.layout import STATUS_FILE, fov_folder_name
from pyama_core.processing.workflow.run_records import read_runs
from pyama_core.processing.workflow.status import read_status


def find_original(
    index: ResultsIndex, recorded: RecordedSource, seen: MicroscopyMetadata
) -> MicroscopyFile | None:
    """Open the file that results were made from; None where it is not found.

    Another file under its name is not taken for it.

    Parameters
    ----------
    seen
        What the results tell of the experiment.
    """
    identity = _recorded_identity(index.output_dir)
    for path in _candidates(index.output_dir, recorded):
        source = _opened(path)
        if source is None:
            continue
        if _is_original(source, identity, seen):
            return source
        source.close()
    return None


def _candidates(folder: Path, recorded: RecordedSource) -> Iterator[Path]:
    """Yield where the file may be, each place once: the folder may have been moved with it."""
    logged = [run.get("file") for run in reversed(read_runs(folder)) if isinstance(run, dict)]
    known = [recorded.path, *(Path(file) for file in logged if isinstance(file, str) and file)]
    paths = [path for path in known if path is not None]
    names = [PureWindowsPath(path).name for path in paths]
    places = [place / name for name in names for place in (folder.parent, folder)]
    yield from dict.fromkeys([*paths, *places])


def _opened(path: Path) -> MicroscopyFile | None:
    try:
        return open_microscopy(path) if path.is_file() else None
    except (ReadError, OSError, ValueError):
        return None


def _is_original(source: MicroscopyFile, identity: str, seen: MicroscopyMetadata) -> bool:
    """Whether a file is the one; by its sizes where its digest was not recorded, as by PyAMA."""
    try:
        return source.identity() == identity if identity else _fits(source.metadata, seen)
    except (ReadError, OSError):
        return False


def _recorded_identity(folder: Path) -> str:
    """Return the digest of the file that the first FOV with a status was made from."""
    for fov_folder in fov_folders(folder).values() if folder.is_dir() else ():
        try:
            records: Any = read_status(fov_folder / STATUS_FILE).steps.values()
        except (InputError, OSError):
            continue
        for record in records:
            return str(record.stamp.input)
    return ""


def _fits(known: MicroscopyMetadata, seen: MicroscopyMetadata) -> bool:
    sizes = (known.n_frames, known.height, known.width)
    is_alike = sizes == (seen.n_frames, seen.height, seen.width)
    return is_alike and known.n_fovs >= seen.n_fovs and known.n_channels >= seen.n_channels


class ResultSource(BaseSource):
    """Raw copies of a results folder as a source of frames.

    Parameters
    ----------
    metadata
        Sizes and times as far as the results tell them.
    files
        Files of each FOV.
    made_from
        Name of the microscopy file.
    """

    def __init__(self, metadata: MicroscopyMetadata, files: FilesOf, made_from: str = "") -> None:
        self._metadata = metadata
        self._files = files
        self._made_from = made_from

    @property
    def metadata(self) -> MicroscopyMetadata:
        """What the results tell of the experiment."""
        return self._metadata

    @property
    def copied_channels(self) -> set[int]:
        """Channels of which some FOV has a raw copy."""
        fovs = range(self._metadata.n_fovs)
        return {channel for fov in fovs for channel in _raw(self._files(fov))}

    def check_copies(self, fovs: Iterable[int], channels: Iterable[int], folder: Path) -> None:
        """Check that frames can be processed again: all are there, and stay what they are.

        Raises
        ------
        InputError
            A raw copy is missing, or results would go where the copies are.
        """
        own = self._metadata.file_path
        if folder.expanduser().absolute() == own:
            raise InputError(
                f"The microscopy file of these results, {self._made_from or 'whatever its name'}, "
                f"is not there: put it beside {own.name} and open the results again, or choose "
                "another output folder to process the copied frames."
            )
        wanted = set(channels)
        missing = [fov for fov in fovs if not wanted <= set(_raw(self._files(fov)))]
        if missing:
            raise InputError(
                f"FOVs {format_fovs(missing)} have no raw copies of channels "
                f"{', '.join(map(str, sorted(wanted)))}: choose other FOVs or channels, or put "
                f"the microscopy file beside {own.name} and open the results again."
            )

    def identity(self) -> str:
        """Name the folder."""
        return str(self._metadata.file_path)

    def _read(self, fov: int, frame: int, channels: Sequence[int], z: int) -> NDArray[Any]:
        metadata, raw = self._metadata, _raw(self._files(fov))
        planes = np.zeros((len(channels), metadata.height, metadata.width), metadata.dtype)
        for plane, channel in zip(planes, channels, strict=True):
            stored = npy_frame(raw.get(channel), frame)
            if stored is not None:
                plane[...] = stored
        return planes


@dataclass(frozen=True, slots=True)
class Results:
    """A folder of results that was opened."""

    source: MicroscopyFile
    """The microscopy file where it is found, else the copied frames."""
    files: FilesOf
    index: ResultsIndex
    made_from: str
    """Name of the microscopy file, empty where nothing tells."""


def read_folder(path: Path) -> Results:
    """Open a results folder, or the YAML file in it, of any layout.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    InputError
        It holds no results.
    """
    index = read_results(path)
    files, recorded = _files_of(index.fovs), recorded_source(index.extra)
    metadata = _described(index, files, recorded)
    source = find_original(index, recorded, metadata)
    name = recorded.file_name
    return Results(source or ResultSource(metadata, files, name), files, index, name)


def open_results(path: Path) -> tuple[MicroscopyFile, FilesOf]:
    """Open a results folder as `read_folder` does; return its frames and its files."""
    results = read_folder(path)
    return results.source, results.files


def open_traces(path: Path) -> tuple[MicroscopyFile, FilesOf, int]:
    """Open one trace table and say which FOV it is of; its results folder gives the scale.

    For an inspected copy that is the table it is of, for the table of a whole experiment the
    results folder that it lies in.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It is no trace table.
    InputError
        It is of a whole experiment and not in a results folder.
    """
    path = original_path(path)
    table = read_traces(path).table
    fov = int(table[FOV][0]) if len(table[FOV]) else 0
    if CHANNEL in table:
        return (*_experiment_of(path), fov)
    try:
        source, files = open_results(path.parent.parent)
        if path in [traces for _, traces in files(fov).traces_csv]:
            return source, files, fov
    except (InputError, OSError):
        pass
    traces = [(channel, path) for channel in channels_of(path)]
    files = _files_of({fov: ResultsPathsPerFOV(traces_csv=traces)})
    return ResultSource(_metadata_of_table(path, table, fov), files), files, fov


def _experiment_of(table: Path) -> tuple[MicroscopyFile, FilesOf]:
    try:
        return open_results(table.parent)
    except (InputError, OSError):
        raise InputError(
            f"{table.name} holds the traces of a whole experiment: drop the results folder that "
            "it came from, or the traces CSV of one field of view."
        ) from None


def _files_of(fovs: dict[int, ResultsPathsPerFOV]) -> FilesOf:
    return lambda fov: fovs.get(fov, ResultsPathsPerFOV())


def _described(index: ResultsIndex, files: FilesOf, recorded: RecordedSource) -> MicroscopyMetadata:
    stacks = [path for fov in index.fovs for path in _stacks(files(fov))]
    if not stacks:
        raise InputError(
            f"{index.output_dir} holds no image stacks: drop one of its traces CSV instead."
        )
    (n_frames, height, width), _ = npy_form(stacks[0])
    raw = [path for fov in index.fovs for path in _raw(files(fov)).values()]
    n_fovs = max(max(index.fovs) + 1, len(recorded.fov_names))
    channels = _channels(index, recorded)
    metadata = MicroscopyMetadata(
        file_path=index.output_dir,
        base_name=recorded.base_name or index.output_dir.name,
        n_fovs=n_fovs,
        n_frames=n_frames,
        height=height,
        width=width,
        dtype=npy_form(raw[0])[1].name if raw else "uint16",
        channels=channels,
        n_channels=len(channels),
        fov_names=_fov_names(n_fovs, recorded),
        pixel_size_um=recorded.pixel_size_um,
        file_type="results",
    )
    return _with_times(metadata, _all_traces(index.fovs.values()))


def _fov_names(n_fovs: int, recorded: RecordedSource) -> tuple[str, ...]:
    names = dict(enumerate(recorded.fov_names))
    return tuple(names.get(fov) or fov_folder_name(fov) for fov in range(n_fovs))


def _with_times(metadata: MicroscopyMetadata, traces: Iterable[Path]) -> MicroscopyMetadata:
    """Take the frame times out of the first trace table that has some."""
    for path in traces:
        try:
            table = read_traces(path).table
        except (ReadError, OSError):  # Said of its FOV; the folder opens all the same.
            continue
        seen = dict(zip(table[FRAME].tolist(), table[TIME].tolist(), strict=True))
        if len(seen) > 1:
            frames = np.arange(metadata.n_frames)
            times = np.interp(frames, sorted(seen), [seen[frame] for frame in sorted(seen)])
            times = np.broadcast_to(times, (metadata.n_fovs, len(times)))
            return replace(metadata, frame_times_min=times, time_source="given")
    return metadata


def _metadata_of_table(path: Path, table: dict[str, Any], fov: int) -> MicroscopyMetadata:
    def most(column: str) -> int:
        values = table[column][np.isfinite(table[column])]
        return int(values.max()) + 1 if len(values) else 1

    metadata = MicroscopyMetadata(
        file_path=path,
        base_name=path.stem,
        n_fovs=fov + 1,
        n_frames=most(FRAME),
        height=most(POSITION_Y),
        width=most(POSITION_X),
        n_channels=1,
        channels=(ChannelInfo("channel 0"),),
        dtype="uint16",
        file_type="traces",
    )
    return _with_times(metadata, [path])


def _channels(index: ResultsIndex, recorded: RecordedSource) -> tuple[ChannelInfo, ...]:
    """Return the channels as they were recorded; those of which nothing is known by number."""
    used = max([index.channels_pc or 0, *index.channels_fl])
    known = dict(enumerate(recorded.channels))
    infos = [known.get(c, ChannelInfo("")) for c in range(max(used + 1, len(known)))]
    return tuple(
        info if info.name else replace(info, name=_number_name(index, c))
        for c, info in enumerate(infos)
    )


def _number_name(index: ResultsIndex, channel: int) -> str:
    name = f"channel {channel}"
    return f"phase ({name})" if channel == index.channels_pc else name


def _raw(files: ResultsPathsPerFOV) -> dict[int, Path]:
    pairs = [*files.fl, *([files.pc] if files.pc else [])]
    return {channel: path for channel, path in pairs if path.exists()}


def _stacks(files: ResultsPathsPerFOV) -> list[Path]:
    single = (files.pc, files.seg, files.seg_labeled, files.seg_instances)
    pairs = [pair for pair in single if pair] + files.fl + files.fl_corrected
    return [path for _, path in pairs if path.exists()]


def _all_traces(fovs: Iterable[ResultsPathsPerFOV]) -> list[Path]:
    return [path for files in fovs for _, path in files.traces_csv if path.exists()]
