"""A folder of results as an experiment: its raw frames from the file, else from the copies."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pyama.layers import FilesOf
from napari_pyama.lazy import npy_form, npy_frame
from pyama_core.columns import CHANNEL, FOV, FRAME, POSITION_X, POSITION_Y, TIME
from pyama_core.errors import InputError, ReadError
from pyama_core.io import ChannelInfo, MicroscopyFile, MicroscopyMetadata, open_microscopy
from pyama_core.io.base_source import BaseSource
from pyama_core.io.inspection import original_path
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.results import ResultsIndex, read_results
from pyama_core.io.traces import channels_of, read_traces
from pyama_core.processing.workflow.runlog import read_runs


class ResultSource(BaseSource):
    """Raw copies of a results folder as a source of frames.

    Parameters
    ----------
    metadata
        Sizes and times as far as the results tell them.
    files
        Files of each FOV.
    """

    def __init__(self, metadata: MicroscopyMetadata, files: FilesOf) -> None:
        self._metadata = metadata
        self._files = files

    @property
    def metadata(self) -> MicroscopyMetadata:
        """What the results tell of the experiment."""
        return self._metadata

    @property
    def has_frames(self) -> bool:
        """Whether there is any raw copy."""
        return any(_raw(self._files(fov)) for fov in range(self._metadata.n_fovs))

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


def open_results(path: Path) -> tuple[MicroscopyFile, FilesOf]:
    """Open a results folder, or the YAML file in it, of any layout.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    InputError
        It holds no results.
    """
    index = read_results(path)
    files = _files_of(index.fovs)
    metadata = _described(index, files)
    original = _original(index.output_dir, metadata)
    return original or ResultSource(metadata, files), files


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


def _original(folder: Path, seen: MicroscopyMetadata) -> MicroscopyFile | None:
    """Open the file that the results were made from, where it is still there and fits."""
    for run in reversed(read_runs(folder)):
        path = Path(run.get("file", ""))
        if path.is_file():
            source = open_microscopy(path)
            known = source.metadata
            sizes = (known.n_frames, known.height, known.width)
            if sizes == (seen.n_frames, seen.height, seen.width) and known.n_fovs >= seen.n_fovs:
                return source
            source.close()
    return None


def _described(index: ResultsIndex, files: FilesOf) -> MicroscopyMetadata:
    stacks = [path for fov in index.fovs for path in _stacks(files(fov))]
    if not stacks:
        raise InputError(
            f"{index.output_dir} holds no image stacks: drop one of its traces CSV instead."
        )
    (n_frames, height, width), _ = npy_form(stacks[0])
    raw = [path for fov in index.fovs for path in _raw(files(fov)).values()]
    n_fovs = max(index.fovs) + 1
    metadata = MicroscopyMetadata(
        file_path=index.output_dir,
        base_name=index.output_dir.name,
        n_fovs=n_fovs,
        n_frames=n_frames,
        height=height,
        width=width,
        dtype=npy_form(raw[0])[1].name if raw else "uint16",
        channels=_channels(index),
        n_channels=len(_channels(index)),
        fov_names=tuple(f"fov_{fov:03d}" for fov in range(n_fovs)),
        file_type="results",
    )
    return _with_times(metadata, _all_traces(index.fovs.values()))


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


def _channels(index: ResultsIndex) -> tuple[ChannelInfo, ...]:
    numbers = [index.channels_pc or 0, *index.channels_fl]
    names = {c: ChannelInfo(f"channel {c}") for c in range(max(numbers) + 1)}
    if index.channels_pc is not None:
        names[index.channels_pc] = ChannelInfo(f"phase (channel {index.channels_pc})")
    return tuple(names.values())


def _raw(files: ResultsPathsPerFOV) -> dict[int, Path]:
    pairs = [*files.fl, *([files.pc] if files.pc else [])]
    return {channel: path for channel, path in pairs if path.exists()}


def _stacks(files: ResultsPathsPerFOV) -> list[Path]:
    single = (files.pc, files.seg, files.seg_labeled, files.seg_instances)
    pairs = [pair for pair in single if pair] + files.fl + files.fl_corrected
    return [path for _, path in pairs if path.exists()]


def _all_traces(fovs: Iterable[ResultsPathsPerFOV]) -> list[Path]:
    return [path for files in fovs for _, path in files.traces_csv if path.exists()]
