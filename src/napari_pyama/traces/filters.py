"""Which traces are shown; nothing is changed by it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pyama.traces.trace_set import TraceSet


@dataclass(frozen=True, slots=True)
class ViewFilter:
    """What a trace must be like to be shown.

    Attributes
    ----------
    min_length
        Frames in which the cell was measured, at least.
    min_border
        How far its center must stay from the image border, px.
    low, high
        Limits of the mean of the plotted feature over the trace; None for no limit.
    hide_rejected
        Whether traces that are not good are hidden.
    """

    min_length: int = 1
    min_border: float = 0.0
    low: float | None = None
    high: float | None = None
    hide_rejected: bool = False


def passing(
    view_filter: ViewFilter,
    traces: TraceSet,
    means: Callable[[], NDArray[np.float64]],
    border: Callable[[], NDArray[np.float64]],
    good: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return which traces are shown, ``(N,)``.

    Parameters
    ----------
    means
        Gives the mean of the plotted feature over each trace; called where a limit is set.
    border
        Gives how near each trace comes to the image border, px; likewise.
    good
        Good or not, as judged by filters and by hand.
    """
    shown = traces.lengths >= view_filter.min_length
    if view_filter.min_border > 0:
        shown &= border() >= view_filter.min_border
    if view_filter.hide_rejected:
        shown &= good
    if view_filter.low is not None:
        shown &= means() >= view_filter.low
    if view_filter.high is not None:
        shown &= means() <= view_filter.high
    return shown
