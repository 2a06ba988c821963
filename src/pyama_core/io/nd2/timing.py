"""When each frame was taken: the best of what a file says, and how far to trust it."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.fov_ranges import list_frames
from pyama_core.io.types import TimeSource

_LONGEST_MS: Final = 366 * 86_400_000.0
"""A year: a time further than this from the others of its FOV is damage."""

_LARGEST_MS: Final = 1e14
"""Three thousand years since 1970; larger numbers are no times at all, and lose digits."""

_NEAR: Final = 0.5
"""Share of an interval by which a doubted time may differ from the time its neighbors suggest."""


@dataclass(frozen=True)
class MendedTimes:
    """Milliseconds of each frame, ``(n_fovs, n_frames)``, which advance in every FOV.

    Attributes
    ----------
    mended
        Frames that the file holds, by FOV, whose own times are not used.
    trusted
        ``(n_fovs, n_frames)`` whether a time is the frame's own.
    """

    ms: NDArray[np.float64]
    mended: dict[int, tuple[int, ...]]
    trusted: NDArray[np.bool_]


def mend_times(
    own_ms: NDArray[np.float64], held: NDArray[np.bool_], period_ms: float = 1.0
) -> MendedTimes | None:
    """Keep the times that advance and fill in the others, FOV by FOV.

    A time is left out where it repeats an earlier one, goes back, is no number, or is a year from
    the others; of two that contradict each other the one that fits their neighbors worse.

    Parameters
    ----------
    own_ms
        ``(n_fovs, n_frames)`` the frames' own times, NaN where unknown.
    held
        Which frames the file holds; times of the others are used only if all are good.
    period_ms
        Interval to extrapolate with where no two frames of a FOV have times.

    Returns
    -------
    MendedTimes or None
        None if in no FOV most of the frames held have times that advance.
    """
    own_ms = np.where(np.abs(own_ms) < _LARGEST_MS, own_ms, np.nan)
    trusted = np.array([_trusted(row, there) for row, there in zip(own_ms, held, strict=True)])
    good = _most_are(trusted, held)
    if not good.any():
        return None
    trusted &= good[:, None]
    ms = _filled(np.where(trusted, own_ms, np.nan), period_ms)
    if not (np.diff(ms, axis=1) > 0).all():
        return None
    doubted = {fov: np.flatnonzero(row) for fov, row in enumerate(held & ~trusted)}
    mended = {fov: tuple(frames.tolist()) for fov, frames in doubted.items() if frames.size}
    return MendedTimes(ms, mended, trusted)


def _most_are(trusted: NDArray[np.bool_], held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    good: NDArray[np.bool_] = 2 * (trusted & held).sum(axis=1) > held.sum(axis=1)
    return good & held.any(axis=1)


def _trusted(row: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which frames of a FOV have times of their own that can be true."""
    if _advances(row):
        return np.ones(len(row), dtype=bool)
    frames = np.flatnonzero(held & np.isfinite(row))
    if frames.size:
        frames = frames[np.abs(row[frames] - np.median(row[frames])) < _LONGEST_MS]
    kept = np.zeros(len(row), dtype=bool)
    kept[frames[_advancing(frames, row[frames])]] = True
    return kept


def _advances(row: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(row).all() and (np.diff(row) > 0).all() and np.ptp(row) < _LONGEST_MS)


def _advancing(frames: NDArray[np.int64], times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose times that advance: which of two contradict each other, their neighbors decide."""
    if (np.diff(times) > 0).all():
        return np.arange(len(times))
    back = np.append(np.diff(times) <= 0, False)
    doubted = back | np.roll(back, 1)
    if (~doubted).sum() >= 2:
        doubted[doubted] = ~_fit(frames, times, doubted)
    else:
        doubted[:] = False
    candidates = np.flatnonzero(~doubted)
    return candidates[_longest_ascent(times[candidates])]


def _fit(
    frames: NDArray[np.int64], times: NDArray[np.float64], doubted: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether each doubted time lies near the line through the undoubted ones around it."""
    known, at = frames[~doubted], times[~doubted]
    right = np.clip(np.searchsorted(known, frames[doubted]), 1, len(known) - 1)
    left = right - 1
    step = (at[right] - at[left]) / (known[right] - known[left])
    expected = at[left] + step * (frames[doubted] - known[left])
    fit: NDArray[np.bool_] = np.abs(times[doubted] - expected) <= _NEAR * np.abs(step)
    return fit


def _longest_ascent(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find a longest subsequence that ascends, by patience sorting; returns its indices."""
    ends: list[float] = []
    at_end: list[int] = []
    before = np.full(len(times), -1)
    for index, time in enumerate(times.tolist()):
        length = bisect_left(ends, time)
        if length < len(ends) and ends[length] == time:
            continue
        before[index] = at_end[length - 1] if length else -1
        ends[length : length + 1] = [time]
        at_end[length : length + 1] = [index]
    chosen = [at_end[-1]] if at_end else []
    while chosen and before[chosen[-1]] >= 0:
        chosen.append(int(before[chosen[-1]]))
    return np.array(chosen[::-1], dtype=np.int64)


def _filled(known: NDArray[np.float64], period_ms: float) -> NDArray[np.float64]:
    """Interpolate gaps, extrapolate ends, and give empty FOVs the times of the first other."""
    step = _typical_step(known, period_ms)
    rows = [_filled_row(row, step) if np.isfinite(row).any() else None for row in known]
    first = next(row for row in rows if row is not None)
    return np.array([first if row is None else row for row in rows])


def _filled_row(row: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    frames = np.arange(len(row))
    known = np.flatnonzero(np.isfinite(row))
    beyond = np.minimum(frames - known[0], 0) + np.maximum(frames - known[-1], 0)
    times: NDArray[np.float64] = np.interp(frames, known, row[known]) + beyond * step
    return times


def _typical_step(times: NDArray[np.float64], period_ms: float) -> float:
    """Median interval between neighboring frames, else between those whose times are known."""
    intervals = np.diff(times, axis=1)
    intervals = intervals[np.isfinite(intervals)]
    if intervals.size:
        return float(np.median(intervals))
    rows = [np.flatnonzero(np.isfinite(row)) for row in times]
    slopes = [np.diff(row[at]) / np.diff(at) for row, at in zip(times, rows, strict=True)]
    longer = np.concatenate(slopes)
    return float(np.median(longer)) if longer.size else period_ms


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
