"""From tracked cells and images to one trace table per channel, in one pass over the frames."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyama_core.columns import (
    AREA,
    CELL,
    FOV,
    FRAME,
    GOOD,
    REASON,
    SATURATED_PIXELS,
    TIME,
    TRACE_COLUMNS,
)
from pyama_core.errors import InputError
from pyama_core.messages import Message, warnings_of
from pyama_core.processing.extraction.feature import Feature
from pyama_core.processing.extraction.features import feature
from pyama_core.processing.extraction.filters import TraceRows, shape_failures, verdict
from pyama_core.processing.extraction.measuring import (
    AT_GREATEST,
    BORDER_DISTANCE,
    GREATEST,
    LEFT_OUT,
    Columns,
    MeasuredChannel,
    intensity_failures,
    loss_messages,
    measure_frame,
    measure_nothing,
)
from pyama_core.processing.extraction.params import ExtractionParams
from pyama_core.processing.extraction.regions import Regions
from pyama_core.processing.extraction.saturation import SaturationMeter
from pyama_core.processing.raster.runs import checked_labels
from pyama_core.processing.stack import Stack, Tick, no_tick

Table = dict[str, NDArray[Any]]
"""Columns of equal length by name, in the order in which they are written."""


@dataclass(frozen=True)
class Extraction(Mapping[int | None, Table]):
    """One trace table per channel; the only one has the key None where there is no image."""

    tables: dict[int | None, Table]
    messages: list[Message] = field(default_factory=list)
    """What a user should know, one sentence each."""

    def __getitem__(self, channel: int | None) -> Table:
        return self.tables[channel]

    def __iter__(self) -> Iterator[int | None]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)


def extract_stack(
    labels: Stack,
    images: Mapping[int, Stack],
    params: ExtractionParams,
    *,
    times: NDArray[np.float64],
    fov: int,
    missing: Collection[int] = (),
    raw: Mapping[int, Stack] | None = None,
    significant_bits: int | None = None,
    tick: Tick = no_tick,
) -> Extraction:
    """Measure every tracked cell in every frame.

    Parameters
    ----------
    labels
        ``(T, H, W)`` tracked cell ids, 0 is background.
    images
        Fluorescence by channel, each ``(T, H, W)``. Pixels that are not finite are left out, and a
        cell without any other pixel has NaN intensities; so have all cells in a frame that was not
        recorded (`pyama_core.planes.is_recorded`), which does not count against them.
    params
        Features and filters.
    times
        ``(T,)`` minutes.
    fov
        Field of view, for the column of that name.
    missing
        Frames in which no cell can have been seen; they give no rows, and traces are not expected
        to have any there.
    raw
        What the camera recorded, by channel, to count saturated pixels in. Without it, these are
        the images themselves where they hold whole numbers; else the count is unknown, NaN.
    significant_bits
        Bits that the camera fills, where the file says so.
    tick
        Called once per frame.

    Returns
    -------
    Extraction
        One `Table` per channel, or shapes only under the key None where `images` is empty. Rows
        are sorted by cell, then frame.

    Raises
    ------
    InputError
        Images, labels and times do not fit together, or the labels are not ids of cells.
    """
    for given in (images, raw or {}):
        _check_fit(labels, given, times)
    choice = {channel: _features(channel, params) for channel in images or (None,)}
    recorded = _whole_numbers(images) if raw is None else raw
    channels = {
        c: MeasuredChannel(
            images=stack,
            raw=recorded.get(c),
            features=[f for f in choice[c] if f.kind == "intensity"],
            meter=SaturationMeter(significant_bits),
        )
        for c, stack in images.items()
    }
    shapes = {f.name: f for features in choice.values() for f in features if f.kind == "shape"}
    held = [t for t in range(len(labels)) if t not in missing]
    measured = [*_measured(labels, held, shapes.values(), channels, tick)]
    rows = _sorted_rows(measured or [measure_nothing(shapes.values(), channels)])
    rows[FOV] = np.full(len(rows[CELL]), fov)
    rows[TIME] = np.asarray(times, dtype=np.float64)[rows[FRAME]]
    limits = {c: channel.meter.limit() for c, channel in channels.items()}
    messages = list(_judge(rows, limits, len(held), params))
    return Extraction({c: _table(rows, c, choice[c]) for c in choice}, messages)


def _check_fit(labels: Stack, images: Mapping[int, Stack], times: NDArray[np.float64]) -> None:
    for channel, stack in images.items():
        if tuple(stack.shape) != tuple(labels.shape):
            raise InputError(
                f"The images of channel {channel} are {tuple(stack.shape)} and the cells "
                f"{tuple(labels.shape)}: both must be the same (T, H, W). "
                "Segment and track the same frames that are measured."
            )
    if len(times) != len(labels):
        raise InputError(
            f"There are {len(times)} times for {len(labels)} frames: give one time per frame."
        )


def _features(channel: int | None, params: ExtractionParams) -> list[Feature]:
    features = [feature(name) for name in params.features_of(channel)]
    return [f for f in features if channel is not None or f.kind == "shape"]


def _whole_numbers(images: Mapping[int, Stack]) -> dict[int, Stack]:
    """Return the channels whose images may be what a camera recorded."""
    return {c: stack for c, stack in images.items() if len(stack) and stack[0].dtype.kind in "iu"}


def _measured(
    labels: Stack,
    frames: Iterable[int],
    shapes: Iterable[Feature],
    channels: Mapping[int, MeasuredChannel],
    tick: Tick,
) -> Iterator[Columns]:
    for t in frames:
        tick("extracting", t)
        regions = Regions.of(checked_labels(labels[t], f"Frame {t} of the cells"))
        yield measure_frame(t, regions, shapes, channels)


def _sorted_rows(measured: list[Columns]) -> Columns:
    """Join the frames, sorted by cell and then by frame."""
    rows = {key: np.concatenate([columns[key] for columns in measured]) for key in measured[0]}
    order = np.argsort(rows[CELL], kind="stable")
    return {key: column[order] for key, column in rows.items()}


def _judge(
    rows: Columns, limits: Mapping[int, float], n_frames: int, params: ExtractionParams
) -> Iterator[Message]:
    """Add to the rows what is saturated and which traces of each channel are good, and say it."""
    traces, area = TraceRows(rows[CELL]), rows[AREA]
    of_shape = shape_failures(traces, area, rows[BORDER_DISTANCE], n_frames, params)
    shared = verdict(traces, of_shape)
    rows[None, GOOD], rows[None, REASON] = shared.good, shared.reason
    yield from warnings_of([shared.note] if shared.note else [])
    for c, limit in limits.items():
        saturated = np.where(rows[c, GREATEST] < limit, 0.0, rows[c, AT_GREATEST])
        left_out = rows[c, LEFT_OUT]
        failures = of_shape | intensity_failures(traces, area, saturated, left_out, params)
        of_channel = verdict(traces, failures)
        rows[c, SATURATED_PIXELS] = saturated
        rows[c, GOOD], rows[c, REASON] = of_channel.good, of_channel.reason
        yield from loss_messages(c, traces, saturated, left_out, limit)
        if of_channel.note and not shared.note:
            yield Message(f"Channel {c}: {of_channel.note}", "warning")


def _table(rows: Columns, channel: int | None, features: Iterable[Feature]) -> Table:
    """Choose and order the columns of one channel."""
    own = {key[1]: column for key, column in rows.items() if key[0] == channel}
    known = {**{key: column for key, column in rows.items() if isinstance(key, str)}, **own}
    measured = [name for f in features for name in f.column_names]
    further = [name for name in measured if name not in TRACE_COLUMNS]
    first = [name for name in TRACE_COLUMNS if name in known]
    return {name: known[name] for name in (*first, *further, REASON)}
