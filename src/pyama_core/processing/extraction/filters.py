"""Which traces are good, and why the others are not."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.extraction.params import ExtractionParams

_LONG_ENOUGH: Final = 30


@dataclass(frozen=True)
class Verdict:
    """A judgment of every row; all rows of a trace share it."""

    good: NDArray[np.bool_]
    reason: NDArray[Any]
    """Why the trace is not good, in words; empty where it is."""
    note: str
    """Said when no trace is good; else empty."""


def judge(
    cell: NDArray[Any],
    area: NDArray[Any],
    border_distance: NDArray[Any],
    n_frames: int,
    params: ExtractionParams,
) -> Verdict:
    """Judge the traces of one field of view.

    Parameters
    ----------
    cell
        ``(n_rows,)`` cell of each row, ascending.
    area
        ``(n_rows,)`` px.
    border_distance
        ``(n_rows,)`` pixels between the bounding box and the nearest image border.
    n_frames
        Frames of the time lapse, present or not.
    params
        The limits.
    """
    cells, starts = np.unique(cell, return_index=True)
    if not len(cells):
        note = "No cells were found: check the segmentation."
        return Verdict(np.zeros(0, bool), np.zeros(0, object), note)
    lengths = np.diff(np.append(starts, len(cell)))
    least_length = _least_length(n_frames, params)
    failures = {
        f"shorter than {least_length} frames": lengths < least_length,
        f"nearer than {params.border_distance} px to the border": (
            np.minimum.reduceat(border_distance, starts) < params.border_distance
        ),
        **_out_of_size(_medians(area, cell, starts, lengths), params),
    }
    reasons = _joined(failures, len(cells))
    reason_of_row = np.repeat(reasons, lengths)
    return Verdict(reason_of_row == "", reason_of_row, _note(reasons, failures))


def _least_length(n_frames: int, params: ExtractionParams) -> int:
    if params.min_trace_length is not None:
        return params.min_trace_length
    return min(_LONG_ENOUGH, n_frames // 2)


def _medians(
    values: NDArray[Any], cell: NDArray[Any], starts: NDArray[Any], lengths: NDArray[Any]
) -> NDArray[np.float64]:
    """Median of each trace's values."""
    ordered = values[np.lexsort((values, cell))]
    low, high = ordered[starts + (lengths - 1) // 2], ordered[starts + lengths // 2]
    medians: NDArray[np.float64] = (low + high) / 2
    return medians


def _out_of_size(
    median_area: NDArray[np.float64], params: ExtractionParams
) -> dict[str, NDArray[np.bool_]]:
    failures = {f"smaller than {params.min_area} px": median_area < params.min_area}
    if params.max_area is not None:
        failures[f"larger than {params.max_area} px"] = median_area > params.max_area
    return failures


def _joined(failures: dict[str, NDArray[np.bool_]], n_traces: int) -> NDArray[Any]:
    """Every reason of each trace in one text."""
    reasons = np.full(n_traces, "", dtype=object)
    for reason, fails in failures.items():
        reasons[fails] = [f"{before}; {reason}" if before else reason for before in reasons[fails]]
    return reasons


def _note(reasons: NDArray[Any], failures: dict[str, NDArray[np.bool_]]) -> str:
    if (reasons == "").any():
        return ""
    counts = {reason: fails.sum() for reason, fails in failures.items() if fails.any()}
    causes = ", ".join(f"{count} {reason}" for reason, count in counts.items())
    return f"None of the {len(reasons)} traces is good: {causes}."
