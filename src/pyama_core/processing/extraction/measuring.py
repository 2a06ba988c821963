"""The cells of one frame measured: shapes once, intensities in every channel."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.columns import CELL, FRAME
from pyama_core.messages import Message
from pyama_core.planes import is_recorded
from pyama_core.processing.extraction.feature import Feature
from pyama_core.processing.extraction.filters import Failures, TraceRows
from pyama_core.processing.extraction.params import ExtractionParams
from pyama_core.processing.extraction.regions import Regions
from pyama_core.processing.extraction.saturation import SaturationMeter
from pyama_core.processing.extraction.signal import Signal, as_measurable
from pyama_core.processing.stack import Stack

BORDER_DISTANCE: Final = "border distance"
GREATEST: Final = "greatest raw value"
AT_GREATEST: Final = "pixels at the greatest raw value"
LEFT_OUT: Final = "pixels left out"
"""Columns that no table has; they decide which traces are good."""

Columns = dict[str | tuple[int | None, str], NDArray[Any]]
"""Columns by name; those of one channel only by channel and name."""


@dataclass(frozen=True)
class MeasuredChannel:
    """What is measured of one channel, frame by frame.

    Attributes
    ----------
    images
        ``(T, H, W)`` what intensities are measured in.
    raw
        ``(T, H, W)`` what the camera recorded, in which saturated pixels are counted; None where
        that is not at hand.
    features
        Features of the kind "intensity".
    meter
        Finds the limit of the raw pixels.
    """

    images: Stack
    raw: Stack | None
    features: list[Feature]
    meter: SaturationMeter

    def measure(self, t: int, regions: Regions) -> dict[str, NDArray[Any]]:
        """Measure the cells of frame `t`; every value is NaN where it was not recorded."""
        image = self.images[t]
        if not is_recorded(image):
            return self.unknown(len(regions))
        signal = Signal.of(regions, image)
        greatest = self._greatest(t, regions)
        columns = {
            GREATEST: greatest[:, 0],
            AT_GREATEST: greatest[:, 1],
            LEFT_OUT: signal.n_left_out,
        }
        for f in self.features:
            columns |= values_of(f, signal)
        return columns

    def unknown(self, n_cells: int) -> dict[str, NDArray[np.float64]]:
        """Return NaN for every value of a frame that was not recorded."""
        names = [name for f in self.features for name in f.column_names]
        unknown = np.full(n_cells, np.nan)
        return dict.fromkeys((*names, GREATEST, AT_GREATEST, LEFT_OUT), unknown)

    def _greatest(self, t: int, regions: Regions) -> NDArray[np.float64]:
        if self.raw is None:
            return np.full((len(regions), 2), np.nan)
        return self.meter.note(regions, as_measurable(self.raw[t]))


def measure_frame(
    t: int,
    regions: Regions,
    shapes: Iterable[Feature],
    channels: Mapping[int, MeasuredChannel],
) -> Columns:
    """Measure the cells of frame `t`."""
    columns: Columns = {
        CELL: regions.cells,
        FRAME: np.full(len(regions), t),
        BORDER_DISTANCE: regions.border_distance,
    }
    for f in shapes:
        columns.update(values_of(f, regions))
    for channel, measured in channels.items():
        by_name = measured.measure(t, regions)
        columns |= {(channel, name): values for name, values in by_name.items()}
    return columns


def measure_nothing(shapes: Iterable[Feature], channels: Mapping[int, MeasuredChannel]) -> Columns:
    """Return the same columns without any cell."""
    columns = measure_frame(0, Regions.of(np.zeros((1, 1), np.uint16)), shapes, {})
    for channel, measured in channels.items():
        columns |= {(channel, name): values for name, values in measured.unknown(0).items()}
    return columns


def values_of(f: Feature, source: Regions | Signal) -> dict[str, NDArray[Any]]:
    """Compute the columns of a feature; what is not finite becomes NaN.

    Raises
    ------
    ValueError
        The feature does not give a row for each cell and a column for each of its columns.
    """
    values = np.asarray(f.compute(source))  # type: ignore[arg-type]
    expected = (len(source), len(f.column_names))
    if values.size != expected[0] * expected[1]:
        raise ValueError(
            f'Feature "{f.name}" gave {values.shape}: it must give {expected}, '
            "a row for each cell and a column for each of its columns"
        )
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, np.nan)
    return dict(zip(f.column_names, values.reshape(expected).T, strict=True))


def intensity_failures(
    traces: TraceRows,
    area: NDArray[np.int64],
    saturated: NDArray[np.float64],
    left_out: NDArray[np.float64],
    params: ExtractionParams,
) -> Failures:
    """Find the traces that lost light in one channel, and those without any intensity.

    Parameters
    ----------
    traces
        The rows of one field of view.
    area
        ``(n_rows,)`` px.
    saturated
        ``(n_rows,)`` pixels at the camera's limit; NaN where unknown, which counts for nothing.
    left_out
        ``(n_rows,)`` pixels that are not finite; NaN where the frame was not recorded, which does
        not count either.
    params
        The limit.
    """
    limit = params.max_saturated * area
    percent = f"{100 * params.max_saturated:g} %"
    measured = left_out < area
    return {
        f"more than {percent} of its pixels saturated": traces.any(saturated > limit),
        f"more than {percent} of its pixels not finite": traces.any(measured & (left_out > limit)),
        "no intensity recorded": ~traces.any(measured),
    }


def loss_messages(
    channel: int,
    traces: TraceRows,
    saturated: NDArray[np.float64],
    left_out: NDArray[np.float64],
    limit: float,
) -> Iterator[Message]:
    """Say of one channel how many cells lost light, in how many frames.

    Parameters
    ----------
    channel
        Its index.
    traces, saturated, left_out
        As in `intensity_failures`.
    limit
        The value at which pixels are saturated, counts.
    """
    losses = {
        f"saturated, at {limit:g} counts": saturated,
        "not finite (NaN or infinite) and left out": left_out,
    }
    for what, pixels in losses.items():
        if (pixels > 0).any():
            yield Message(f"Channel {channel}: {_extent(traces, pixels)} {what}.", "warning")


def _extent(traces: TraceRows, pixels: NDArray[np.float64]) -> str:
    rows = pixels > 0
    return (
        f"{int(pixels[rows].sum())} pixels of {traces.any(rows).sum()} of "
        f"{len(traces.starts)} cells, in {rows.sum()} of {len(rows)} measurements "
        f"({100 * rows.mean():.2g} %), are"
    )
