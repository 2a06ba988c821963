"""Movement of the whole field: a stage that drifts or jumps.

Phase correlation (Kuglin & Hines, Proc IEEE Int Conf Cybernetics and Society 1975) of thinned-out
frames: the shift between two images is where the inverse transform of their whitened cross
spectrum peaks. A low-pass keeps the noise of high frequencies out of it; a peak that does not stand
out from the rest says nothing and counts as no movement.
"""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.regions import Floats

_LARGEST_SIDE, _SMALLEST_SIDE, _FINE_FACTOR = 180, 128, 4
_SIGNIFICANT = 8.0
"""Standard deviations of the correlation by which a peak must stand out."""
_SMOOTH = 0.12
"""Standard deviation of the low-pass, waves per thinned pixel."""
_FEWEST_WAVES = 2
"""Whatever has no more waves across the field is its illumination, which stays where it is."""


class DriftMeter:
    """Measures, frame by frame, how far the field moved since the frame before."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._factor = min(_thinning(max(shape)), *shape)
        size = tuple(n // self._factor for n in shape)
        window = np.hanning(size[0] + 2)[1:-1, None] * np.hanning(size[1] + 2)[None, 1:-1]
        self._window = window.astype(np.float32)
        fy, fx = np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None]
        frequency = np.hypot(fy, fx)
        low = np.exp(-0.5 * (frequency / _SMOOTH) ** 2)
        self._weight = (low * (frequency > _FEWEST_WAVES / max(size))).astype(np.float32)
        self._before: NDArray[np.complexfloating] | None = None

    def step(self, frame: NDArray[np.generic]) -> Floats:
        """Return how far the field moved, y, x in pixels, since the last frame given."""
        small = _filled(_thinned(frame, self._factor))
        small = (small - small.mean()) * self._window
        spectrum = np.fft.rfft2(small)
        before, self._before = self._before, spectrum
        if before is None:
            return np.zeros(2)
        cross = spectrum * np.conj(before)
        cross *= self._weight / np.maximum(np.abs(cross), 1e-6)
        return self._factor * _peak(np.fft.irfft2(cross, s=small.shape))


def _thinning(side: int) -> int:
    """Return how many pixels become one: as many as cost no precision, more for large frames."""
    free = min(-(-side // _SMALLEST_SIDE), _FINE_FACTOR)
    return max(free, -(-side // _LARGEST_SIDE))


def _thinned(frame: NDArray[np.generic], factor: int) -> NDArray[np.float32]:
    """Return every `factor`-th row, its pixels added up `factor` at a time."""
    width = frame.shape[1] // factor * factor
    rows = frame[: frame.shape[0] // factor * factor : factor, :width]
    parts = rows.reshape(len(rows), -1, factor)
    return np.asarray(parts @ np.ones(factor, np.float32), np.float32)


def _filled(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put the mean in the place of pixels that are not finite, or the transform has no others."""
    known = np.isfinite(image)
    if known.all():
        return image
    mean = image[known].mean() if known.any() else np.float32(0)
    return np.where(known, image, mean)


def _peak(surface: NDArray[np.floating]) -> Floats:
    """Return the shift at the highest peak, to a fraction of a pixel; 0 where none stands out."""
    y, x = divmod(int(surface.argmax()), surface.shape[1])
    if surface[y, x] ** 2 * surface.size <= _SIGNIFICANT**2 * np.vdot(surface, surface):
        return np.zeros(2)
    return np.array([_refined(surface[:, x], y), _refined(surface[y], x)])


def _refined(line: NDArray[np.floating], top: int) -> float:
    """Return a peak's signed place on a line, from a parabola through it and its neighbors."""
    n = len(line)
    low, mid, high = (float(line[(top + k) % n]) for k in (-1, 0, 1))
    bend = low - 2 * mid + high
    fraction = 0.0 if bend == 0 else 0.5 * (low - high) / bend
    place = top + fraction
    return place - n if place > n / 2 else place
