"""Every layer this plugin makes: its data, name, colors, scale and metadata."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import numpy as np
from napari.utils.colormaps import Colormap, CyclicLabelColormap
from numpy.typing import ArrayLike, DTypeLike, NDArray

from napari_pyama.layers.contrast import (
    BACKGROUND_PERCENT,
    Limits,
    Sample,
    limits_of,
    sample_channels,
)
from napari_pyama.layers.lazy import LazyStack
from pyama_core.errors import ReadError
from pyama_core.io import ChannelInfo, MicroscopyFile, MicroscopyMetadata
from pyama_core.io.result_files import ResultsPathsPerFOV

AXIS_NAMES: Final = {"p": "position", "t": "time", "z": "z", "y": "y", "x": "x"}


@dataclass(frozen=True, slots=True)
class Axes:
    """Which axes a layer has and what a step along each of them is."""

    order: str
    """Letters out of ``ptzyx``."""
    pixel_um: float | None
    frame_min: float | None
    slice_um: float | None

    def only(self, order: str) -> "Axes":
        """Return the same scales for a layer that has some of the axes."""
        return Axes(order, self.pixel_um, self.frame_min, self.slice_um)

    def layer_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments `scale`, `units` and `axis_labels` of a layer."""
        steps = [self._step(axis) for axis in self.order]
        return {
            "scale": tuple(size for size, _ in steps),
            "units": tuple(unit for _, unit in steps),
            "axis_labels": tuple(AXIS_NAMES[axis] for axis in self.order),
        }

    def _step(self, axis: str) -> tuple[float, str]:
        """Size of one step and its unit.

        Where it is not known it is what napari gives a plain layer: layers of unlike units side
        by side would lose theirs.
        """
        size, unit = {
            "p": (None, ""),
            "t": (self.frame_min, "minute"),
            "z": (self.slice_um, "micrometer"),
            "y": (self.pixel_um, "micrometer"),
            "x": (self.pixel_um, "micrometer"),
        }[axis]
        return (1.0, "pixel") if size is None else (size, unit)


def stack_axes(metadata: MicroscopyMetadata) -> Axes:
    """Return the axes of a whole experiment: position, time, z where there is one, y, x."""
    order = "ptzyx" if metadata.n_z > 1 else "ptyx"
    slice_um = metadata.z_step_um
    if slice_um is None:
        slice_um = metadata.pixel_size_um
    return Axes(order, metadata.pixel_size_um, frame_interval(metadata), slice_um)


def frame_interval(metadata: MicroscopyMetadata) -> float | None:
    """Return the median time between frames in minutes, None where times are not known."""
    times = metadata.frame_times_min
    if times is None or metadata.time_source == "frame index" or metadata.n_frames < 2:
        return None
    interval = float(np.median(np.diff(times, axis=1)))
    return interval if interval > 0 else None


N_CELL_COLORS: Final = 48
"""Cells whose ids differ by a multiple of this share a color."""

_VISIBLE: Final = (
    (380, (0.55, 0.0, 0.75)),
    (440, (0.2, 0.1, 1.0)),
    (465, (0.0, 0.45, 1.0)),
    (490, (0.0, 0.9, 1.0)),
    (510, (0.0, 1.0, 0.2)),
    (540, (0.5, 1.0, 0.0)),
    (575, (1.0, 0.95, 0.0)),
    (600, (1.0, 0.5, 0.0)),
    (640, (1.0, 0.0, 0.0)),
    (780, (0.8, 0.0, 0.35)),
)
"""Display color at a wavelength in nm; in between it is interpolated."""


@cache
def cell_colormap() -> "CyclicLabelColormap":
    """Return the colors of a labels layer: 0 is transparent."""
    from napari.utils.colormaps import label_colormap

    return label_colormap(N_CELL_COLORS, seed=0.5)


def cell_colors(cells: ArrayLike) -> NDArray[np.float32]:
    """Return the color of each cell id, ``(N, 4)`` RGBA in 0 to 1."""
    ids = np.atleast_1d(np.asarray(cells, dtype=np.uint32))
    return np.asarray(cell_colormap().map(ids), dtype=np.float32)


def cell_hue(cells: ArrayLike) -> NDArray[np.float64]:
    """Return where in `track_colormap` the color of each cell id lies, ``(N,)`` in 0 to 1."""
    ids = np.atleast_1d(np.asarray(cells, dtype=np.int64))
    return ((ids - 1) % N_CELL_COLORS + 0.5) / N_CELL_COLORS


def track_colormap() -> Colormap:
    """Make the colormap that gives tracks the colors of their cells."""
    colors = cell_colors(np.arange(1, N_CELL_COLORS + 1))
    return Colormap(colors, name="cells", interpolation="zero")


def channel_colormap(channel: ChannelInfo) -> str:
    """Return a channel's colormap: from its emission wavelength, gray where there is none."""
    if channel.emission_nm is None:
        return "gray"
    return _hex(_wavelength_color(channel.emission_nm))


def _wavelength_color(nm: float) -> tuple[float, ...]:
    wavelengths = [wavelength for wavelength, _ in _VISIBLE]
    parts = zip(*(color for _, color in _VISIBLE), strict=True)
    return tuple(float(np.interp(nm, wavelengths, part)) for part in parts)


def _hex(color: tuple[Any, ...]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color)


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
