"""From tracked cells and images to one trace table per channel, in one pass over the frames."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.columns import AREA, CELL, FOV, FRAME, GOOD, REASON, TIME, TRACE_COLUMNS
from pyama_core.errors import InputError
from pyama_core.messages import warnings_of
from pyama_core.processing.extraction.feature import Feature
from pyama_core.processing.extraction.features import feature
from pyama_core.processing.extraction.filters import judge
from pyama_core.processing.extraction.params import ExtractionParams
from pyama_core.processing.extraction.regions import Regions
from pyama_core.processing.extraction.signal import Signal
from pyama_core.processing.extraction.table import Extraction, Table
from pyama_core.processing.stack import Stack, Tick, no_tick

_BORDER_DISTANCE: Final = "border distance"

_Columns = dict[str | tuple[int, str], NDArray[Any]]
"""Columns by name; those of one channel only by channel and name."""


def extract_stack(
    labels: Stack,
    images: Mapping[int, Stack],
    params: ExtractionParams,
    *,
    times: NDArray[np.float64],
    fov: int,
    missing: Collection[int] = (),
    tick: Tick = no_tick,
) -> Extraction:
    """Measure every tracked cell in every frame.

    Parameters
    ----------
    labels
        ``(T, H, W)`` tracked cell ids, 0 is background.
    images
        Fluorescence by channel, each ``(T, H, W)``; NaN pixels are left out, and a cell without
        any other pixel has NaN intensities.
    params
        Features and filters.
    times
        ``(T,)`` minutes.
    fov
        Field of view, for the column of that name.
    missing
        Frames that the file does not hold; they give no rows.
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
        Images, labels and times do not fit together.
    """
    _check_fit(labels, images, times)
    choice = {channel: _features(channel, params) for channel in images or (None,)}
    frames = [t for t in range(len(labels)) if t not in missing]
    measured = []
    for t in frames:
        tick("extracting", t)
        image_of = {channel: stack[t] for channel, stack in images.items()}
        measured.append(_measure(t, labels[t], image_of, choice))
    rows = _sorted_rows(measured or [_measure(0, *_empty_frame(images), choice)])
    verdict = judge(rows[CELL], rows[AREA], rows[_BORDER_DISTANCE], len(labels), params)
    rows |= {
        FOV: np.full(len(rows[CELL]), fov),
        TIME: np.asarray(times, dtype=np.float64)[rows[FRAME]],
        GOOD: verdict.good,
        REASON: verdict.reason,
    }
    tables = {channel: _table(rows, channel, choice[channel]) for channel in choice}
    return Extraction(tables, warnings_of([verdict.note] if verdict.note else []))


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


def _empty_frame(images: Mapping[int, Stack]) -> tuple[NDArray[Any], dict[int, NDArray[Any]]]:
    return np.zeros((1, 1), np.uint16), dict.fromkeys(images, np.zeros((1, 1), np.float32))


def _measure(
    frame: int,
    labels: NDArray[Any],
    images: Mapping[int, NDArray[Any]],
    choice: Mapping[int | None, Iterable[Feature]],
) -> _Columns:
    """Measure the cells of one frame: shapes once, intensities in every image."""
    regions = Regions.of(labels)
    signals: dict[int | None, Signal] = {c: Signal.of(regions, images[c]) for c in images}
    columns: _Columns = {
        CELL: regions.cells,
        FRAME: np.full(len(regions), frame),
        _BORDER_DISTANCE: regions.border_distance,
    }
    for channel, features in choice.items():
        for f in features:
            if f.kind == "intensity":
                columns |= _values(f, signals[channel], channel)
            elif f.column_names[0] not in columns:
                columns |= _values(f, regions, None)
    return columns


def _values(f: Feature, source: Regions | Signal, channel: int | None) -> _Columns:
    values = np.asarray(f.compute(source))  # type: ignore[arg-type]
    expected = (len(source), len(f.column_names))
    if values.size != expected[0] * expected[1]:
        raise ValueError(
            f'Feature "{f.name}" gave {values.shape}: it must give {expected}, '
            "a row for each cell and a column for each of its columns"
        )
    by_column = zip(f.column_names, values.reshape(expected).T, strict=True)
    return {name if channel is None else (channel, name): column for name, column in by_column}


def _sorted_rows(measured: list[_Columns]) -> _Columns:
    """Join the frames, sorted by cell and then by frame."""
    rows = {key: np.concatenate([columns[key] for columns in measured]) for key in measured[0]}
    order = np.argsort(rows[CELL], kind="stable")
    return {key: column[order] for key, column in rows.items()}


def _table(rows: _Columns, channel: int | None, features: Iterable[Feature]) -> Table:
    """Choose and order the columns of one channel."""
    measured = [name for f in features for name in f.column_names]
    further = [name for name in measured if name not in TRACE_COLUMNS]
    names = [name for name in TRACE_COLUMNS if name in measured or name in rows]
    of_channel = {key[1]: column for key, column in rows.items() if key[0] == channel}
    return {name: (of_channel | rows)[name] for name in (*names, *further, REASON)}
