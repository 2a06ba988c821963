"""When each frame was taken: the best of what a file says, and how far to trust it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.io.microscopy import TimeSource

MAX_JITTER: Final = 0.1
"""Share of the median interval by which intervals may differ before a user is warned."""

_MS_PER_MIN = 60_000.0
_LATEST_MS = 1e14
"""Three thousand years: a time beyond is damage."""


@dataclass(frozen=True, slots=True)
class TimePlan:
    """What the time loop says, one entry per phase; 0 where it says nothing."""

    n_frames: tuple[int, ...] = (1,)
    mean_period_ms: tuple[float, ...] = (0.0,)
    nominal_period_ms: tuple[float, ...] = (0.0,)


@dataclass(frozen=True)
class FrameTimes:
    """Minutes since the first frame of the experiment, ``(n_fovs, n_frames)``."""

    minutes: NDArray[np.float64]
    source: TimeSource
    warnings: tuple[str, ...] = ()


def choose_frame_times(
    own_ms: NDArray[np.float64], held: NDArray[np.bool_], plan: TimePlan
) -> FrameTimes:
    """Frame times from the frames themselves, else from the periods, else their index.

    Parameters
    ----------
    own_ms
        ``(n_fovs, n_frames)`` the frames' own times, NaN where unknown.
    held
        ``(n_fovs, n_frames)`` which frames the file holds.
    plan
        Periods of the time loop.
    """
    own = _usable(own_ms, held)
    if own is not None:
        minutes = (own - own[:, 0].min()) / _MS_PER_MIN
        return FrameTimes(minutes, "frames", _doubts(own, held, plan))
    sources: tuple[tuple[TimeSource, tuple[float, ...]], ...] = (
        ("mean period", plan.mean_period_ms),
        ("nominal period", plan.nominal_period_ms),
    )
    for source, periods in sources:
        elapsed = _elapsed(plan.n_frames, periods)
        if elapsed is not None and held.shape[1] > 1:
            minutes = np.broadcast_to(elapsed / _MS_PER_MIN, held.shape).copy()
            return FrameTimes(minutes, source, (_WARNINGS[source],))
    index = np.broadcast_to(np.arange(held.shape[1], dtype=np.float64), held.shape).copy()
    warnings = (_WARNINGS["frame index"],) if held.shape[1] > 1 else ()
    return FrameTimes(index, "frame index", warnings)


_WARNINGS: Final[dict[TimeSource, str]] = {
    "mean period": "The frames hold no times of their own: times are multiples of the mean period.",
    "nominal period": "The frames hold no times of their own: times are multiples of the period "
    "that was asked for, which the microscope may not have kept.",
    "frame index": "The file holds no times at all: times are frame numbers, not minutes.",
}


def _usable(own_ms: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Take the times if they advance, filling in those of missing frames where need be."""
    own_ms = np.where(np.abs(own_ms) < _LATEST_MS, own_ms, np.nan)
    if _advance(own_ms):
        return own_ms
    known = np.where(held, own_ms, np.nan)
    if not held.any() or np.isnan(known[held]).any():
        return None
    filled = _filled(known)
    return filled if _advance(filled) else None


def _advance(times: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(times).all() and (np.diff(times, axis=1) > 0).all())


def _filled(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate gaps, extrapolate ends, and give empty FOVs the times of the first other."""
    step = _typical_step(known)
    rows = [_filled_row(row, step) for row in known if np.isfinite(row).any()]
    spare = iter(rows)
    return np.array([next(spare) if np.isfinite(row).any() else rows[0] for row in known])


def _filled_row(row: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    frames = np.arange(len(row))
    known = np.flatnonzero(np.isfinite(row))
    beyond = np.minimum(frames - known[0], 0) + np.maximum(frames - known[-1], 0)
    times: NDArray[np.float64] = np.interp(frames, known, row[known]) + beyond * step
    return times


def _typical_step(times: NDArray[np.float64]) -> float:
    intervals = np.diff(times, axis=1)
    intervals = intervals[np.isfinite(intervals)]
    return float(np.median(intervals)) if intervals.size else 1.0


def _elapsed(n_frames: tuple[int, ...], periods: tuple[float, ...]) -> NDArray[np.float64] | None:
    """Milliseconds of each frame by the periods of the phases; None where one is unknown."""
    intervals = np.repeat(np.asarray(periods, dtype=np.float64), n_frames)[:-1]
    if not (intervals > 0).all():
        return None
    return np.concatenate([[0.0], np.cumsum(intervals)])


def _doubts(
    own_ms: NDArray[np.float64], held: NDArray[np.bool_], plan: TimePlan
) -> tuple[str, ...]:
    intervals = np.diff(np.where(held, own_ms, np.nan), axis=1)
    if not np.isfinite(intervals).any():
        return ()
    phase = np.repeat(np.arange(len(plan.n_frames)), plan.n_frames)[:-1]
    doubts = []
    for number in np.unique(phase):
        of_phase = intervals[:, phase == number]
        of_phase = of_phase[np.isfinite(of_phase)]
        if of_phase.size:
            doubts += _doubts_of_phase(of_phase, plan.nominal_period_ms[number])
    return tuple(doubts)


def _doubts_of_phase(intervals: NDArray[np.float64], nominal_ms: float) -> list[str]:
    doubts = []
    median = float(np.median(intervals))
    jitter = float(np.abs(intervals - median).max()) / median
    if jitter > MAX_JITTER:
        doubts.append(
            f"Frames are not evenly spaced in time: intervals range from "
            f"{_seconds(intervals.min())} to {_seconds(intervals.max())} around a median of "
            f"{_seconds(median)}; the frames' own times are used."
        )
    if nominal_ms > 0 and abs(median - nominal_ms) > MAX_JITTER * nominal_ms:
        doubts.append(
            f"The frames' own times advance by {_seconds(median)} a frame, the file's nominal "
            f"period is {_seconds(nominal_ms)}; the frames' own times are used."
        )
    return doubts


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.6g} s"
