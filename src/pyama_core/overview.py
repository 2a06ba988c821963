"""One picture of what a run found: phase contrast with outlines, fluorescence, traces."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.columns import CELL, GOOD, INTENSITY_TOTAL, TIME
from pyama_core.io.atomic import atomic_write
from pyama_core.io.microscopy import open_microscopy
from pyama_core.io.tables import read_table
from pyama_core.io.types import MicroscopyMetadata
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.services.stacks import load_stack

Truth = Callable[[int], Mapping[str, NDArray[Any]]]
"""Gives the true traces of a channel as a table of cell, time and total intensity."""

_GOLDEN_RATIO: Final = (5**0.5 - 1) / 2
_LOW, _HIGH = 1.0, 99.8
_MOST_PIXELS: Final = 1024
"""Pixels of an image's longer side that the picture can show."""


def draw_overview(
    layout: Layout,
    metadata: MicroscopyMetadata,
    fov: int,
    path: Path,
    truth: Truth | None = None,
) -> None:
    """Draw the overview of one FOV as PNG.

    Parameters
    ----------
    layout
        Where the results are; tracked cells and traces must be there.
    metadata
        The microscopy file, for raw frames that were pruned.
    fov
        FOV that is drawn, at the frame with most cells.
    path
        PNG file to write.
    truth
        True traces, where they are known; drawn in black behind the measured ones.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = load_stack(layout.labels(fov), "tracked cells")
    t = _busiest_frame(labels)
    n_rows = max(len(layout.fl), 1)
    figure = Figure(figsize=(15, 4.6 * n_rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, 3, squeeze=False)
    phase = _raw_frame(metadata, fov, layout.pc, layout.phase(fov), t)
    for row, channel in zip(axes, layout.trace_channels(), strict=True):
        _draw_cells(
            row[0], phase, np.asarray(labels[t]), f"{_name(metadata, layout.pc)}, frame {t}"
        )
        _draw_fluorescence(row[1], layout, metadata, fov, channel, t, np.asarray(labels[t]))
        _draw_traces(row[2], read_table(layout.traces(fov, channel)), truth and truth(channel))
        row[2].set_title(f"Traces of {_name(metadata, channel)}")
    figure.suptitle(f"{metadata.base_name}, FOV {fov}")
    with atomic_write(path) as partial:
        figure.savefig(partial, dpi=110, format="png")


def _busiest_frame(labels: NDArray[Any]) -> int:
    """Return the frame with most cells, judged on every fourth pixel."""
    counts = [len(np.unique(frame[::4, ::4])) for frame in labels]
    return int(np.argmax(counts))


def _raw_frame(
    metadata: MicroscopyMetadata, fov: int, channel: int, path: Path, t: int
) -> NDArray[Any]:
    if path.exists():
        return np.asarray(load_stack(path, "raw frames")[t])
    with open_microscopy(metadata.file_path) as source:
        return source.read_frame(fov, channel, t, metadata.n_z // 2)


def _draw_cells(axis: Any, image: NDArray[Any], labels: NDArray[Any], title: str) -> None:
    _draw_image(axis, image, title)
    step = _thinning(labels)
    thinned = labels[::step, ::step]
    height, width = labels.shape
    axis.imshow(_outlines(thinned), extent=_extent(height, width), interpolation="nearest")
    for cell, (row, column) in _centers(thinned).items():
        _write_id(axis, cell, row * step, column * step)


def _outlines(labels: NDArray[Any]) -> NDArray[np.float32]:
    """Give an image ``(H, W, RGBA)`` of the cells' outlines, transparent elsewhere."""
    edge = np.zeros(labels.shape, bool)
    edge[:-1] |= labels[:-1] != labels[1:]
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge |= np.roll(edge, 1, axis=0) | np.roll(edge, 1, axis=1)
    edge &= labels > 0
    cells, of_pixel = np.unique(labels[edge], return_inverse=True)
    colors = np.array([(*_color(cell), 1) for cell in cells]).reshape(-1, 4)
    image = np.zeros((*labels.shape, 4), np.float32)
    image[edge] = colors[of_pixel]
    return image


def _centers(labels: NDArray[Any]) -> dict[int, tuple[float, float]]:
    """Give the mean row and column of each cell."""
    rows, columns = np.nonzero(labels)
    cells, of_pixel = np.unique(labels[rows, columns], return_inverse=True)
    area = np.bincount(of_pixel)
    centers = (np.bincount(of_pixel, at) / area for at in (rows, columns))
    return dict(zip(cells.tolist(), zip(*centers, strict=True), strict=True))


def _write_id(axis: Any, cell: int, row: float, column: float) -> None:
    from matplotlib.patheffects import withStroke

    text = axis.annotate(
        str(cell), (column, row), color=_color(cell), fontsize=8, ha="center", va="center"
    )
    text.set_path_effects([withStroke(linewidth=2, foreground="black")])


def _draw_fluorescence(
    axis: Any,
    layout: Layout,
    metadata: MicroscopyMetadata,
    fov: int,
    channel: int,
    t: int,
    labels: NDArray[Any],
) -> None:
    corrected = layout.corrected(fov, channel)
    if not layout.fl:
        _draw_image(axis, (labels > 0).astype(np.uint8), "Cells")
    elif corrected.exists():
        image = np.asarray(load_stack(corrected, "corrected fluorescence")[t])
        _draw_image(axis, image, f"{_name(metadata, channel)}, background corrected")
    else:
        raw = _raw_frame(metadata, fov, channel, layout.fluorescence(fov, channel), t)
        _draw_image(axis, raw, f"{_name(metadata, channel)}, raw")


def _draw_image(axis: Any, image: NDArray[Any], title: str) -> None:
    """Draw an image; of a large one as many pixels as the picture can show."""
    height, width = image.shape
    step = _thinning(image)
    shown = image[::step, ::step]
    known = shown[np.isfinite(shown)]
    low, high = np.percentile(known, (_LOW, _HIGH)) if known.size else (0.0, 1.0)
    axis.imshow(
        shown,
        cmap="gray",
        vmin=low,
        vmax=max(high, low + 1e-6),
        extent=_extent(height, width),
        interpolation="nearest",
    )
    axis.set_title(title)
    axis.set_axis_off()


def _thinning(image: NDArray[Any]) -> int:
    height, width = image.shape
    return math.ceil(max(int(height), int(width)) / _MOST_PIXELS)


def _extent(height: int, width: int) -> tuple[float, float, float, float]:
    """Place an image so that 0 is the center of its first pixel."""
    return (-0.5, width - 0.5, height - 0.5, -0.5)


def _draw_traces(
    axis: Any,
    table: Mapping[str, NDArray[Any]],
    truth: Mapping[str, NDArray[Any]] | None,
) -> None:
    if truth is not None:
        for number, (times, values) in enumerate(_curves(truth)):
            axis.plot(times, values, color="black", lw=0.8, label="" if number else "truth")
    good = {name: values[table[GOOD].astype(bool)] for name, values in table.items()}
    for number, (cell, (times, values)) in enumerate(
        zip(np.unique(good[CELL]), _curves(good), strict=True)
    ):
        axis.plot(times, values, color=_color(cell), lw=1.2, label="" if number else "measured")
    axis.set_xlabel("Time (min)")
    axis.set_ylabel("Total intensity (counts)" if INTENSITY_TOTAL in table else "Area (px)")
    if truth is not None:
        axis.legend(frameon=False)


def _curves(table: Mapping[str, NDArray[Any]]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    values = table[INTENSITY_TOTAL] if INTENSITY_TOTAL in table else table["area"]
    # A line is drawn across frames without a value: points alone would not be seen.
    known = np.isfinite(values)
    return [
        (table[TIME][known & (table[CELL] == cell)], values[known & (table[CELL] == cell)])
        for cell in np.unique(table[CELL])
    ]


def _color(cell: int) -> Any:
    """Give a bright color; ids next to each other differ by the golden ratio of the hue circle."""
    from matplotlib.colors import hsv_to_rgb

    return hsv_to_rgb((int(cell) * _GOLDEN_RATIO % 1, 0.85, 0.95))


def _name(metadata: MicroscopyMetadata, channel: int) -> str:
    return metadata.channel_name(channel) or f"channel {channel}"
