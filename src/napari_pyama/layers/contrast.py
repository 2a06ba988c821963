"""Contrast limits of a channel from several of its frames, so that no single one decides."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pyama_core.io import MicroscopyMetadata

Limits = tuple[float, float]
ReadPlanes = Callable[[int, int], Sequence[NDArray[Any] | None]]
"""Gives the plane of each channel at a FOV and frame; None where there is none."""

BACKGROUND_PERCENT: Final = 25.0
"""Share of a fluorescence image that is shown black: much of its background."""

_ENOUGH: Final = 6
"""Frames with structure in every channel after which no more are read."""
_USUAL: Final = 12
"""Frames that are read where some channel has less structure than that."""
_MOST: Final = 30
"""Frames that are read where a channel is empty in all others, as one recorded now and then."""
_STRIDES: Final = (0.7548776662466927, 0.5698402909980532)
"""Of the R2 sequence (Roberts 2018), which spreads points evenly over FOVs and frames."""

_DARK_PERCENT: Final = 0.1
_BRIGHT_PERCENT: Final = 99.9
_MOST_PIXELS: Final = 256
"""Rows and columns of a frame that are looked at."""
_NOISE_PIXELS: Final = 160
"""Edge of the patch from which noise is found; its pixels are neighbors."""

_SIGMAS_OF_STRUCTURE: Final = 10.0
"""Pure noise spans 6.2 standard deviations between the percentiles above, cells far more."""
_SIGMAS_SHOWN: Final = 20.0
"""The limits are at least so far apart: noise then takes a third of the grays at most."""
_SIGMA_OF_MAD: Final = 1.4826
"""Standard deviation of normal noise whose median absolute deviation is 1."""
_OUTLYING_MADS: Final = 4.0
_OUTLYING_RANGE: Final = 3.0
"""A frame is left aside whose range is so many times that of the next."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of one frame."""

    values: NDArray[Any]
    """Some of its finite pixels, ascending: they are asked for percentiles again and again."""
    noise: float
    """Standard deviation from pixel to pixel."""

    def percentile(self, percent: float) -> float:
        """Return the value that so many percent of the pixels do not exceed."""
        return float(self.values[round(percent / 100 * (len(self.values) - 1))])

    @property
    def middle(self) -> float:
        """Return the median."""
        return self.percentile(50.0)

    @property
    def span(self) -> float:
        """How far its pixels reach, a few outlying ones left aside."""
        return self.percentile(_BRIGHT_PERCENT) - self.percentile(_DARK_PERCENT)

    @property
    def has_structure(self) -> bool:
        """Whether there is more to see than noise."""
        return self.span > _SIGMAS_OF_STRUCTURE * self.noise


def sample_of(frame: NDArray[Any]) -> Sample | None:
    """Look at a frame; None where all its pixels are the same, or none is a number."""
    some = sampled_pixels(frame)
    values = np.sort(some[np.isfinite(some)])
    if not len(values) or values[0] == values[-1]:
        return None
    return Sample(values, _noise_of(frame))


def sample_channels(
    metadata: MicroscopyMetadata, read: ReadPlanes, n_channels: int, fovs: Sequence[int] = ()
) -> list[list[Sample]]:
    """Look at frames that are spread over FOVs and time, those that hold something.

    Parameters
    ----------
    fovs
        Those to look at; all of the experiment where none is given.

    Returns
    -------
    list of list of Sample
        By channel.
    """
    found: list[list[Sample]] = [[] for _ in range(n_channels)]
    for n_read, (fov, frame) in enumerate(_spread(metadata, fovs or range(metadata.n_fovs))):
        if _is_enough(found, n_read):
            break
        for samples, plane in zip(found, read(fov, frame), strict=True):
            if plane is not None and (sample := sample_of(plane)) is not None:
                samples.append(sample)
    return found


def limits_of(
    samples: Sequence[Sample], dtype: DTypeLike, dark_percent: float = _DARK_PERCENT
) -> Limits:
    """Return contrast limits that show most frames well, of increasing values.

    A flash, or the lamp that was off, does not count; noise is never stretched to the full range.
    Where no frame holds anything, everything but the brightest is shown dark.

    Parameters
    ----------
    samples
        Frames of the channel.
    dtype
        Of its pixels.
    dark_percent
        Share of a frame that is shown black.
    """
    lowest, highest = _range_of(dtype)
    if not samples:
        return 0.0, highest if np.isfinite(highest) else 1.0
    usual = _without_flashes([s for s in samples if s.has_structure] or list(samples))
    low = float(np.median([s.percentile(dark_percent) for s in usual]))
    highs = sorted(s.percentile(_BRIGHT_PERCENT) for s in usual)
    if len(highs) > 2 and highs[-1] - low > _OUTLYING_RANGE * (highs[-2] - low):
        highs.pop()
    least = _SIGMAS_SHOWN * float(np.median([s.noise for s in usual]))
    low, high = _at_least_apart(low, highs[-1], least, dark_percent)
    return max(low, lowest), min(high, highest)


def contrast_of(frame: NDArray[Any], dark_percent: float = _DARK_PERCENT) -> Limits:
    """Return contrast limits that show one frame well, of increasing values."""
    sample = sample_of(frame)
    return limits_of([sample] if sample else [], np.float32, dark_percent)


def sampled_pixels(frame: NDArray[Any], most: int = _MOST_PIXELS) -> NDArray[Any]:
    """Return every n-th row and column, so that no side has more than `most` pixels."""
    step = max(1, -(-max(frame.shape) // most))
    return frame[::step, ::step]


def _spread(metadata: MicroscopyMetadata, fovs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield FOVs with a frame that the file holds of each, the first of all first."""
    seen = set[tuple[int, int]]()
    for n in range(_MOST):
        fov = fovs[int(n * _STRIDES[0] % 1 * len(fovs))]
        held = _held_frames(metadata, fov)
        if len(held):
            where = (fov, held[int(n * _STRIDES[1] % 1 * len(held))])
            if where not in seen:
                seen.add(where)
                yield where


def _held_frames(metadata: MicroscopyMetadata, fov: int) -> Sequence[int]:
    missing = set(metadata.missing_frames.get(fov, ()))
    frames = range(metadata.n_frames)
    return [frame for frame in frames if frame not in missing] if missing else frames


def _is_enough(found: Sequence[Sequence[Sample]], n_read: int) -> bool:
    if n_read >= _USUAL:
        return all(found)
    return all(sum(s.has_structure for s in samples) >= _ENOUGH for samples in found)


def _noise_of(frame: NDArray[Any]) -> float:
    """Return the standard deviation of noise: what a second difference along both axes leaves.

    Structure, which is smooth at the scale of pixels, has almost none (Immerkaer 1996, "Fast
    noise variance estimation"); the median leaves aside outlines. Where most pixels are alike, as
    with few photons, the mean of squares takes its place.
    """
    top, left = (max(0, (n - _NOISE_PIXELS) // 2) for n in frame.shape)
    patch = frame[top : top + _NOISE_PIXELS, left : left + _NOISE_PIXELS]
    if min(patch.shape) < 3:
        return 0.0
    patch = np.where(np.isfinite(patch), patch, np.nan).astype(np.float32)
    twice = np.diff(np.diff(patch, 2, axis=0), 2, axis=1)
    size = np.abs(twice[np.isfinite(twice)]) / 6.0  # of unit noise it is sqrt(1 + 4 + 1) ** 2
    if not len(size):
        return 0.0
    return _SIGMA_OF_MAD * float(np.median(size)) or float(np.sqrt(np.mean(size**2)))


def _range_of(dtype: DTypeLike) -> Limits:
    """Return what pixels of a type can be."""
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        return float(np.iinfo(kind).min), float(np.iinfo(kind).max)
    return -np.inf, np.inf


def _without_flashes(samples: list[Sample]) -> list[Sample]:
    """Leave out frames that are as a whole much brighter or darker than most."""
    if len(samples) < 3:
        return samples
    levels = np.array([s.middle for s in samples])
    away = np.abs(levels - np.median(levels))
    usual = _OUTLYING_MADS * _SIGMA_OF_MAD * float(np.median(away))
    most = max(usual, float(np.median([s.span for s in samples])))
    return [s for s, far in zip(samples, away, strict=True) if far <= most]


def _at_least_apart(low: float, high: float, least: float, dark_percent: float) -> Limits:
    """Widen limits: upward where the background is black anyway, else to both sides."""
    lacking = max(least - (high - low), 0.0)
    if dark_percent < BACKGROUND_PERCENT:
        low, high = low - lacking / 2, high + lacking / 2
    else:
        high += lacking
    return (low, high) if high > low else (low - 0.5, low + 0.5)
