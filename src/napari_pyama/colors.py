"""One color per cell and per channel, the same in labels, tracks and plots."""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from napari.utils.colormaps import Colormap
from numpy.typing import ArrayLike, NDArray

from pyama_core.io import ChannelInfo

if TYPE_CHECKING:
    from napari.utils.colormaps import CyclicLabelColormap

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
