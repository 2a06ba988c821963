"""Every layer this plugin makes: its data, name, colors, scale and metadata."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_pyama.axes import Axes, stack_axes
from napari_pyama.colors import cell_colormap, channel_colormap
from napari_pyama.contrast import (
    BACKGROUND_PERCENT,
    Limits,
    Sample,
    limits_of,
    sample_channels,
)
from napari_pyama.lazy import LazyStack
from pyama_core.errors import ReadError
from pyama_core.io import ChannelInfo, MicroscopyFile, MicroscopyMetadata
from pyama_core.io.result_files import ResultsPathsPerFOV

LayerType = Literal["image", "labels", "tracks", "points"]
LayerTuple = tuple[Any, dict[str, Any], LayerType]
"""Data, keyword arguments and type of a layer, as napari readers give them."""

FilesOf = Callable[[int], ResultsPathsPerFOV]
"""Gives the files of a FOV, whether they are written yet or not."""

ORIGIN = "pyama"
"""The key of a layer's metadata under which its `Origin` is kept."""
_GRAY_OF_PHASE = 0.4
"""How bright the median of a phase image is at most where fluorescence lies on it, 0 to 1."""

FOV = "fov"
"""The key under which layers of one FOV say which it is."""
FOUND_LIMITS = "found_limits"
"""The key under which an image layer of results says which contrast limits were found for it."""
FILES = "files"
"""The key of a result layer's metadata under which the files of all FOVs are found."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a layer's frames come from."""

    source: MicroscopyFile
    axes: Axes
    role: str
    """``"raw"``, or the name of the result."""
    channel: int | None = None


def raw_layers(source: MicroscopyFile, channels: Collection[int] | None = None) -> list[LayerTuple]:
    """Make one lazy image layer ``(P, T, Y, X)`` or ``(P, T, Z, Y, X)`` per channel.

    Parameters
    ----------
    channels
        Those of which frames are there; all of the experiment where it is None.
    """
    metadata = source.metadata
    n_channels = max(metadata.n_channels, 1)

    wanted = [c for c in range(n_channels) if channels is None or c in channels]

    def read(fov: int, frame: int) -> Sequence[NDArray[Any] | None]:
        try:
            return list(source.read_channels(fov, frame, wanted, metadata.n_z // 2))
        except ReadError:
            return [None] * len(wanted)

    samples = sample_channels(metadata, read, len(wanted)) if wanted else []
    return [_raw_layer(source, c, seen) for c, seen in zip(wanted, samples, strict=True)]


def _raw_layer(source: MicroscopyFile, channel: int, samples: Sequence[Sample]) -> LayerTuple:
    def read(where: tuple[int, ...]) -> NDArray[Any]:
        fov, frame, *z = where
        return source.read_frame(fov, channel, frame, *z)

    metadata, axes = source.metadata, stack_axes(source.metadata)
    info = channel_info(metadata, channel)
    dtype = metadata.dtype or read((0,) * (len(axes.order) - 2)).dtype
    data = LazyStack(stack_shape(metadata, axes), dtype, read)
    arguments = {
        **axes.layer_arguments(),
        "name": channel_name(metadata, channel),
        "colormap": channel_colormap(info),
        "blending": "translucent_no_depth" if info.emission_nm is None else "additive",
        "contrast_limits": _contrast(samples, data.dtype, info, metadata),
        "metadata": {
            ORIGIN: Origin(source, axes, "raw", channel),
            **describe(metadata),
            "channel": info,
        },
    }
    return data, arguments, "image"


def _contrast(
    samples: Sequence[Sample], dtype: DTypeLike, info: ChannelInfo, metadata: MicroscopyMetadata
) -> Limits:
    """Keep phase dark enough, and the background of fluorescence black, so that both are seen."""
    if info.emission_nm is not None:
        return limits_of(samples, dtype, BACKGROUND_PERCENT)
    low, high = limits_of(samples, dtype)
    if metadata.n_channels > 1 and samples:
        middle = float(np.median([sample.middle for sample in samples]))
        high = max(high, low + (middle - low) / _GRAY_OF_PHASE)
    return low, high


def channel_info(metadata: MicroscopyMetadata, channel: int) -> ChannelInfo:
    """Return what is known of a channel; a nameless record where that is nothing."""
    known = channel < len(metadata.channels)
    return metadata.channels[channel] if known else ChannelInfo("")


def channel_name(metadata: MicroscopyMetadata, channel: int) -> str:
    """Return a channel's name, its number where it has none."""
    return channel_info(metadata, channel).name or f"channel {channel}"


def stack_shape(metadata: MicroscopyMetadata, axes: Axes) -> tuple[int, ...]:
    """Return the shape of an experiment along some of its axes."""
    sizes = {
        "p": metadata.n_fovs,
        "t": metadata.n_frames,
        "z": metadata.n_z,
        "y": metadata.height,
        "x": metadata.width,
    }
    return tuple(sizes[axis] for axis in axes.order)


def describe(metadata: MicroscopyMetadata) -> dict[str, Any]:
    """Return what a user may want to look up in a layer's metadata."""
    return {
        "file": str(metadata.file_path),
        "positions": metadata.fov_names,
        "times_min": metadata.frame_times_min,
        "time_source": metadata.time_source,
        "missing_frames": dict(metadata.missing_frames),
        "warnings": metadata.warnings,
    }


def labels_arguments(name: str, axes: Axes) -> dict[str, Any]:
    """Return the keyword arguments of a labels layer of ours; it cannot be painted on."""
    return {**axes.layer_arguments(), "name": name, "colormap": cell_colormap(), "opacity": 0.5}


def origin_of(layer: Any) -> Origin | None:
    """Return where a layer's frames come from, None for a layer that is not ours."""
    origin = layer.metadata.get(ORIGIN)
    return origin if isinstance(origin, Origin) else None
