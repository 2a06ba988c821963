"""Which traces are good, and why the others are not."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.extraction.params import ExtractionParams

_LONG_ENOUGH: Final = 30

Failures = dict[str, NDArray[np.bool_]]
"""Which traces, ``(n_traces,)``, fail for a reason, by the reason in words."""


@dataclass(frozen=True)
class Verdict:
    """A judgment of every row; all rows of a trace share it."""

    good: NDArray[np.bool_]
    reason: NDArray[Any]
    """Why the trace is not good, in words; empty where it is."""
    note: str
    """Said when no trace is good; else empty."""


@dataclass(frozen=True)
class TraceRows:
    """Which rows belong to one trace.

    Attributes
    ----------
    cell
        ``(n_rows,)`` cell of each row, ascending.
    """

    cell: NDArray[Any]

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """``(n_traces,)`` first row of each trace."""
        return np.flatnonzero(np.diff(self.cell, prepend=-1))

    @cached_property
    def lengths(self) -> NDArray[np.intp]:
        """``(n_traces,)`` number of rows of each trace."""
        return np.diff(np.append(self.starts, len(self.cell)))

    def least(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the least value of each trace."""
        least: NDArray[Any] = np.minimum.reduceat(values, self.starts) if len(values) else values
        return least

    def any(self, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return whether any row of each trace is true."""
        return np.logical_or.reduceat(values, self.starts) if len(values) else values

    def medians(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the median of each trace's values."""
        ordered = values[np.lexsort((values, self.cell))]
        low, high = self.starts + (self.lengths - 1) // 2, self.starts + self.lengths // 2
        medians: NDArray[np.float64] = (ordered[low] + ordered[high]) / 2
        return medians


def shape_failures(
    traces: TraceRows,
    area: NDArray[Any],
    border_distance: NDArray[Any],
    n_frames: int,
    params: ExtractionParams,
) -> Failures:
    """Find the traces that are too short, too near to the border, too small or too large.

    Parameters
    ----------
    traces
        The rows of one field of view.
    area
        ``(n_rows,)`` px.
    border_distance
        ``(n_rows,)`` pixels between the bounding box and the nearest image border.
    n_frames
        Frames that the field of view holds.
    params
        The limits.
    """
    least_length = _least_length(n_frames, params)
    median_area = traces.medians(area)
    failures = {
        f"shorter than {least_length} frames": traces.lengths < least_length,
        f"nearer than {params.border_distance} px to the border": (
            traces.least(border_distance) < params.border_distance
        ),
        f"smaller than {params.min_area} px": median_area < params.min_area,
    }
    if params.max_area is not None:
        failures[f"larger than {params.max_area} px"] = median_area > params.max_area
    return failures


def verdict(traces: TraceRows, failures: Failures) -> Verdict:
    """Judge the traces of one table by all that speaks against them."""
    if not len(traces.cell):
        note = "No cells were found: check the segmentation."
        return Verdict(np.zeros(0, bool), np.zeros(0, object), note)
    reasons = _joined(failures, len(traces.starts))
    reason_of_row = np.repeat(reasons, traces.lengths)
    return Verdict(reason_of_row == "", reason_of_row, _note(reasons, failures))


def _least_length(n_frames: int, params: ExtractionParams) -> int:
    if params.min_trace_length is not None:
        return params.min_trace_length
    return min(_LONG_ENOUGH, n_frames // 2)


def _joined(failures: Failures, n_traces: int) -> NDArray[Any]:
    """Every reason of each trace in one text."""
    reasons = np.full(n_traces, "", dtype=object)
    for reason, fails in failures.items():
        reasons[fails] = [f"{before}; {reason}" if before else reason for before in reasons[fails]]
    return reasons


def _note(reasons: NDArray[Any], failures: Failures) -> str:
    if (reasons == "").any():
        return ""
    counts = {reason: fails.sum() for reason, fails in failures.items() if fails.any()}
    causes = ", ".join(f"{count} {reason}" for reason, count in counts.items())
    return f"None of the {len(reasons)} traces is good: {causes}."
