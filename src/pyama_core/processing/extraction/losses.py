"""Light that is lost in one channel: saturated pixels, and pixels that are no finite number."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pyama_core.messages import Message
from pyama_core.processing.extraction.filters import Failures, TraceRows
from pyama_core.processing.extraction.params import ExtractionParams


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
