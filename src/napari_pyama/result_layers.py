"""Lazy layers of a run's results, aligned with the raw ones; they fill as FOVs finish."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_pyama.axes import stack_axes
from napari_pyama.backgrounds import background_frame, gain_frame
from napari_pyama.colors import channel_colormap
from napari_pyama.contrast import BACKGROUND_PERCENT, limits_of, sample_channels
from napari_pyama.layers import (
    FILES,
    FOUND_LIMITS,
    ORIGIN,
    FilesOf,
    LayerTuple,
    Origin,
    channel_info,
    channel_name,
    labels_arguments,
    stack_shape,
)
from napari_pyama.lazy import LazyStack, npy_form, npy_frame
from napari_pyama.result_tables import read_tracks
from napari_pyama.tracks import tracks_layer
from pyama_core.io import MicroscopyFile
from pyama_core.io.result_files import ChannelPath, ResultsPathsPerFOV
from pyama_core.processing.workflow.layout import Layout

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
