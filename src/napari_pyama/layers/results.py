"""Lazy layers of a run's results, aligned with the raw ones; they fill as FOVs finish."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_pyama.layers.contrast import BACKGROUND_PERCENT, limits_of, sample_channels
from napari_pyama.layers.lazy import LazyStack, npy_form, npy_frame
from napari_pyama.layers.raw import (
    FILES,
    FOUND_LIMITS,
    ORIGIN,
    FilesOf,
    LayerTuple,
    Origin,
    channel_colormap,
    channel_info,
    channel_name,
    labels_arguments,
    stack_axes,
    stack_shape,
)
from napari_pyama.layers.tracks import CellTracks, tracks_layer, tracks_of
from pyama_core.errors import ReadError
from pyama_core.io import MicroscopyFile, MicroscopyMetadata, traces
from pyama_core.io.result_files import ChannelPath, ResultsPathsPerFOV
from pyama_core.io.trace_table import read_lineage_table
from pyama_core.processing.correction import Background, load_background
from pyama_core.processing.extraction import ExtractionParams, extract_stack
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.services.stacks import load_stack

Frame = NDArray[Any] | None


def background_frame(files: FilesOf, channel: int, fov: int, frame: int) -> Frame:
    """Return the background in counts, ``(H, W)``; None where there is none yet."""
    background = background_of(files, channel, fov)
    if background is not None:
        return background.surface(frame)
    return npy_frame(dict(files(fov).fl_background).get(channel), frame)


def gain_frame(files: FilesOf, channel: int, fov: int) -> Frame:
    """Return the illumination relative to its mean, ``(H, W)``; None where there is none yet."""
    background = background_of(files, channel, fov)
    return None if background is None else background.gain_image()


def background_of(files: FilesOf, channel: int, fov: int) -> Background | None:
    """Read the background of one channel of one FOV; None where there is none yet."""
    path = dict(files(fov).background).get(channel)
    if path is None or not path.exists():
        return None
    return _read(path, path.stat().st_mtime_ns)


def describe_backgrounds(files: FilesOf, metadata: MicroscopyMetadata, fov: int) -> list[str]:
    """Say for each channel of a FOV what was done about its background and how well it fits."""
    lines = []
    for channel, _ in files(fov).background:
        background = background_of(files, channel, fov)
        if background is not None:
            lines.append(f"{channel_name(metadata, channel)}: {_in_words(background)}")
    return lines


def _in_words(background: Background) -> str:
    masked = 100 * float(np.nanmean(background.masked_share))
    parts = [
        f"method {background.method} ({background.reason})",
        f"residual background {background.residual:.2f} counts",
        f"{masked:.0f} % of the pixels masked",
        *background.notes,
    ]
    return "; ".join(parts)


@lru_cache(maxsize=8)
def _read(path: Path, _changed_ns: int) -> Background:
    return load_background(path)


Table = dict[str, NDArray[Any]]


def read_traces(files: ResultsPathsPerFOV) -> Table:
    """Read the traces of the first channel that has some; empty where none has."""
    for channel, path in files.traces_csv:
        if path.exists():
            return traces.read_traces(path, channel).table
    return {}


def read_tracks(files: ResultsPathsPerFOV, metadata: MicroscopyMetadata) -> CellTracks:
    """Read where the cells are: from the traces, else measured in the tracked labels.

    A damaged table counts as absent: the folder opens, and its dock says what is wrong.
    """
    table: Table = {}
    with suppress(ReadError):
        table = read_traces(files)
    table = table or _measured(files, metadata)
    if not table:
        return CellTracks(np.empty((0, 4)), {})
    lineage: Table = {}
    if files.lineage is not None and files.lineage[1].exists():
        with suppress(ReadError):
            lineage = read_lineage_table(files.lineage[1])
    return tracks_of(table, lineage)


def _measured(files: ResultsPathsPerFOV, metadata: MicroscopyMetadata) -> Table:
    if files.seg_labeled is None or not files.seg_labeled[1].exists():
        return {}
    labels = load_stack(files.seg_labeled[1], "tracked cells")
    times = np.arange(metadata.n_frames, dtype=np.float64)
    table: Table = extract_stack(labels, {}, ExtractionParams(), times=times, fov=0)[None]
    return table


ReadResult = Callable[[int, int], NDArray[Any] | None]
"""Gives the frame of a FOV, None where there is none yet."""

SEGMENTATION = "segmentation"
CELLS = "cells"
"""Names and roles of the labels layers."""


def expected_files(layout: Layout) -> FilesOf:
    """Return where a run of this layout writes the results of each FOV."""

    def files(fov: int) -> ResultsPathsPerFOV:
        return ResultsPathsPerFOV(
            pc=(layout.pc, layout.phase(fov)),
            fl=[(c, layout.fluorescence(fov, c)) for c in layout.fl],
            seg=(layout.pc, layout.segmentation(fov)),
            seg_labeled=(layout.pc, layout.labels(fov)),
            fl_corrected=[(c, layout.corrected(fov, c)) for c in layout.fl],
            traces_csv=[(c, layout.traces(fov, c)) for c in layout.trace_channels()],
            lineage=(layout.pc, layout.lineage(fov)),
            background=[(c, layout.background(fov, c)) for c in layout.fl],
        )

    return files


def result_layers(source: MicroscopyFile, files: FilesOf) -> Iterator[LayerTuple]:
    """Make a layer of each kind of result that at least one FOV has."""
    metadata = source.metadata
    fovs = range(metadata.n_fovs)
    if any(_exists(files(fov).seg) for fov in fovs):
        yield _labels(source, files, SEGMENTATION, lambda fov: _path(files(fov).seg))
    for channel in _channels(files, "fl_corrected", fovs):
        role = f"{channel_name(metadata, channel)} corrected"
        read = _npy_reader(files, "fl_corrected", channel)
        yield _image(source, files, role, channel, "fl_corrected", read)
    kind = "background" if _channels(files, "background", fovs) else "fl_background"
    for channel in _channels(files, kind, fovs):
        role = f"{channel_name(metadata, channel)} background"
        yield _image(source, files, role, channel, kind, partial(background_frame, files, channel))
    for channel in _channels(files, "background", fovs):
        role = f"{channel_name(metadata, channel)} gain"
        yield _image(source, files, role, channel, "background", _gain_reader(files, channel))
    if any(_exists(files(fov).seg_labeled) for fov in fovs):
        yield _labels(source, files, CELLS, lambda fov: _path(files(fov).seg_labeled))


def layers_of_results(source: MicroscopyFile, files: FilesOf, fov: int) -> list[LayerTuple]:
    """Make all layers of results: the stacks of all FOVs, and the tracks of one.

    Where cells are tracked, what they were segmented from is there but hidden.
    """
    layers = list(result_layers(source, files))
    roles = {arguments["name"]: arguments for _, arguments, _ in layers}
    if CELLS in roles and SEGMENTATION in roles:
        roles[SEGMENTATION]["visible"] = False
    if any(_has_tracks(files(fov)) for fov in range(source.metadata.n_fovs)):
        tracks = read_tracks(files(fov), source.metadata)
        layers.append(tracks_layer(source, tracks, fov, files))
    return layers


def _has_tracks(paths: ResultsPathsPerFOV) -> bool:
    return _exists(paths.seg_labeled) or any(map(_exists, paths.traces_csv))


def _labels(
    source: MicroscopyFile, files: FilesOf, role: str, path_of: Callable[[int], Path | None]
) -> LayerTuple:
    axes = stack_axes(source.metadata)
    paths = (path_of(fov) for fov in range(source.metadata.n_fovs))
    kinds = [npy_form(path)[1] for path in paths if path is not None and path.exists()]
    dtype = np.result_type(*kinds, np.uint8)
    data = _lazy(source, dtype, lambda fov, frame: npy_frame(path_of(fov), frame))
    arguments = labels_arguments(role, axes)
    metadata = {ORIGIN: Origin(source, axes, role), FILES: files}
    return data, {**arguments, "metadata": metadata}, "labels"


def _image(
    source: MicroscopyFile, files: FilesOf, role: str, channel: int, kind: str, read: ReadResult
) -> LayerTuple:
    axes, metadata = stack_axes(source.metadata), source.metadata
    paths = {fov: _channel_path(files(fov), kind, channel) for fov in range(metadata.n_fovs)}
    fovs = [fov for fov, path in paths.items() if path is not None and path.exists()]
    samples = sample_channels(metadata, lambda fov, frame: [read(fov, frame)], 1, fovs)[0]
    limits = limits_of(samples, np.float32, BACKGROUND_PERCENT)
    arguments = {
        **axes.layer_arguments(),
        "name": role,
        "colormap": channel_colormap(channel_info(metadata, channel)),
        "blending": "additive",
        "contrast_limits": limits,
        "visible": False,
        "metadata": {
            ORIGIN: Origin(source, axes, role, channel),
            FILES: files,
            FOUND_LIMITS: limits,
        },
    }
    return _lazy(source, np.float32, read), arguments, "image"


def _lazy(source: MicroscopyFile, dtype: DTypeLike, read: ReadResult) -> LazyStack:
    """Read a result's frames when they are shown; zeros where there is none yet."""
    metadata = source.metadata
    empty = np.zeros((metadata.height, metadata.width), dtype)

    def read_or_empty(where: tuple[int, ...]) -> NDArray[Any]:
        frame = read(where[0], where[1])
        return empty if frame is None else frame

    return LazyStack(stack_shape(metadata, stack_axes(metadata)), dtype, read_or_empty)


def _npy_reader(files: FilesOf, kind: str, channel: int) -> ReadResult:
    return lambda fov, frame: npy_frame(_channel_path(files(fov), kind, channel), frame)


def _gain_reader(files: FilesOf, channel: int) -> ReadResult:
    return lambda fov, frame: gain_frame(files, channel, fov)


def _channels(files: FilesOf, kind: str, fovs: range) -> list[int]:
    """Return the channels of which at least one FOV has results of a kind."""
    there = {c for fov in fovs for c, path in getattr(files(fov), kind) if path.exists()}
    return sorted(there)


def _channel_path(paths: ResultsPathsPerFOV, kind: str, channel: int) -> Path | None:
    path: Path | None = dict(getattr(paths, kind)).get(channel)
    return path


def _path(entry: ChannelPath | None) -> Path | None:
    return None if entry is None else entry[1]


def _exists(entry: ChannelPath | None) -> bool:
    return entry is not None and entry[1].exists()
