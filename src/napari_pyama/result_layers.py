"""Lazy layers of a run's results, aligned with the raw ones; they fill as FOVs finish."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_pyama.axes import Axes, stack_axes
from napari_pyama.layers import (
    ORIGIN,
    LayerTuple,
    Origin,
    channel_name,
    contrast_of,
    labels_arguments,
    stack_shape,
)
from napari_pyama.lazy import lazy_stack, npy_form, npy_frame
from napari_pyama.result_tables import read_tracks
from napari_pyama.tracks import FilesOf, tracks_layer
from pyama_core.io import MicroscopyFile
from pyama_core.processing.correction import Background
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.services.types import ChannelPath, ResultsPathsPerFOV


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
        yield _labels(source, "segmentation", lambda fov: _path(files(fov).seg))
    for channel in _channels(files, "fl_corrected", fovs):
        name = f"{channel_name(metadata, channel)} corrected"
        yield _image(source, name, channel, _npy_reader(files, "fl_corrected", channel))
    for channel in _channels(files, "background", fovs):
        name = f"{channel_name(metadata, channel)} background"
        yield _image(source, name, channel, _background_reader(files, channel))
    if any(_exists(files(fov).seg_labeled) for fov in fovs):
        yield _labels(source, "cells", lambda fov: _path(files(fov).seg_labeled))


def layers_of_results(source: MicroscopyFile, files: FilesOf, fov: int) -> list[LayerTuple]:
    """Make all layers of results: the stacks of all FOVs, and the tracks of one."""
    layers = list(result_layers(source, files))
    if any(_has_tracks(files(fov)) for fov in range(source.metadata.n_fovs)):
        tracks = read_tracks(files(fov), source.metadata)
        layers.append(tracks_layer(source, tracks, fov, files))
    return layers


def _has_tracks(paths: ResultsPathsPerFOV) -> bool:
    return _exists(paths.seg_labeled) or any(map(_exists, paths.traces_csv))


def _labels(source: MicroscopyFile, role: str, path_of: Callable[[int], Path | None]) -> LayerTuple:
    axes, empty = _empty_frame(source)
    written = (path_of(fov) for fov in range(source.metadata.n_fovs))
    first = next(path for path in written if path is not None and path.exists())
    dtype = npy_form(first)[1]

    def read(where: tuple[int, ...]) -> NDArray[Any]:
        frame = npy_frame(path_of(where[0]), where[1])
        return empty if frame is None else frame

    data = lazy_stack(
        stack_shape(source.metadata, axes), np.uint8 if dtype == np.bool_ else dtype, read
    )
    arguments = labels_arguments(role, axes)
    return data, {**arguments, "metadata": {ORIGIN: Origin(source, axes, role)}}, "labels"


def _image(
    source: MicroscopyFile, name: str, channel: int, frame_of: Callable[[int, int], Any]
) -> LayerTuple:
    axes, empty = _empty_frame(source, np.float32)

    def read(where: tuple[int, ...]) -> NDArray[Any]:
        frame = frame_of(where[0], where[1])
        return empty if frame is None else frame

    fovs = range(source.metadata.n_fovs)
    first = next((f for f in (frame_of(fov, 0) for fov in fovs) if f is not None), empty)
    arguments = {
        **axes.layer_arguments(),
        "name": name,
        "colormap": "gray",
        "blending": "additive",
        "contrast_limits": contrast_of(first),
        "visible": False,
        "metadata": {ORIGIN: Origin(source, axes, name, channel)},
    }
    return lazy_stack(stack_shape(source.metadata, axes), np.float32, read), arguments, "image"


def _npy_reader(
    files: FilesOf, kind: str, channel: int
) -> Callable[[int, int], NDArray[Any] | None]:
    return lambda fov, frame: npy_frame(_channel_path(files(fov), kind, channel), frame)


def _background_reader(files: FilesOf, channel: int) -> Callable[[int, int], NDArray[Any] | None]:
    def read(fov: int, frame: int) -> NDArray[Any] | None:
        path = _channel_path(files(fov), "background", channel)
        if path is None or not path.exists():
            return None
        return _background(path, path.stat().st_mtime_ns).surface(frame)

    return read


@lru_cache(maxsize=8)
def _background(path: Path, _changed_ns: int) -> Background:
    with np.load(path) as arrays:
        return Background.from_arrays(dict(arrays))


def _empty_frame(source: MicroscopyFile, dtype: DTypeLike = np.uint8) -> tuple[Axes, NDArray[Any]]:
    metadata = source.metadata
    return stack_axes(metadata), np.zeros((metadata.height, metadata.width), dtype)


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
