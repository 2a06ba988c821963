"""Times of frames that cannot be true, taken from the frames before and after."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
