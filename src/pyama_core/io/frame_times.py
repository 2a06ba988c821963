"""When each frame was taken: the best of what a file says, and how far to trust it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.fov_ranges import list_frames
from pyama_core.io.mended_times import MendedTimes, mend_times
from pyama_core.io.microscopy import TimeSource

MAX_JITTER: Final = 0.1
"""Share of the median interval by which intervals may differ before a user is warned."""

_MS_PER_MIN = 60_000.0
_LONGEST_PERIOD_MS = 366 * 86_400_000.0
"""A year between frames: a period beyond is damage."""


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
    mended = mend_times(own_ms, held, _first_period_ms(plan))
    if mended is not None:
        minutes = (mended.ms - mended.ms[:, 0].min()) / _MS_PER_MIN
        doubts = _doubts(mended.ms, held & mended.trusted, plan)
        return FrameTimes(minutes, "frames", (*_mended_warning(mended), *doubts))
    unusable = _unusable(own_ms, held)
    sources: tuple[tuple[TimeSource, tuple[float, ...]], ...] = (
        ("mean period", plan.mean_period_ms),
        ("nominal period", plan.nominal_period_ms),
    )
    for source, periods in sources:
        elapsed = _elapsed(plan.n_frames, periods)
        if elapsed is not None and held.shape[1] > 1:
            minutes = np.broadcast_to(elapsed / _MS_PER_MIN, held.shape).copy()
            return FrameTimes(minutes, source, (unusable + _WARNINGS[source],))
    index = np.broadcast_to(np.arange(held.shape[1], dtype=np.float64), held.shape).copy()
    warnings = (unusable + _WARNINGS["frame index"],) if held.shape[1] > 1 else ()
    return FrameTimes(index, "frame index", warnings)


_WARNINGS: Final[dict[TimeSource, str]] = {
    "mean period": "times are multiples of the mean period.",
    "nominal period": "times are multiples of the period that was asked for, which the microscope "
    "may not have kept.",
    "frame index": "no period is stated either: times are frame numbers, not minutes.",
}


def _unusable(own_ms: NDArray[np.float64], held: NDArray[np.bool_]) -> str:
    """Begin the sentence on the times that are used instead: the frames' own are there or not."""
    if np.isfinite(own_ms[held]).any() and np.ptp(own_ms[held & np.isfinite(own_ms)]) > 0:
        return "Too many of the frames' own times repeat, go back or are missing; "
    return "The file holds no times of its frames; "


def _mended_warning(mended: MendedTimes) -> tuple[str, ...]:
    if not mended.mended:
        return ()
    return (
        "Own times of frames that repeat, go back or are no times are not used "
        f"({list_frames(mended.mended)}); they are interpolated from the other frames' times.",
    )


def _first_period_ms(plan: TimePlan) -> float:
    """Period of the first phase that has one, 1 where none has."""
    periods = (*plan.mean_period_ms, *plan.nominal_period_ms)
    return next((ms for ms in periods if 0 < ms < _LONGEST_PERIOD_MS), 1.0)


def _elapsed(n_frames: tuple[int, ...], periods: tuple[float, ...]) -> NDArray[np.float64] | None:
    """Milliseconds of each frame by the periods of the phases; None where one is unknown."""
    intervals = np.repeat(np.asarray(periods, dtype=np.float64), n_frames)[:-1]
    if not ((intervals > 0) & (intervals < _LONGEST_PERIOD_MS)).all():
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
