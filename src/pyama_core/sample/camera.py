"""The camera and what optics have in common: smoothing and digitizing an image."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pyama_core.sample.footprints import Image

_TILE = 128


def smoothed(image: Image, smooth: Callable[[Image], Image], reach: int) -> Image:
    """Smooth an image that is zero almost everywhere, leaving out its empty tiles.

    Parameters
    ----------
    image : (Y, X) float32
    smooth : callable
        A linear filter.
    reach : int
        How far in pixels the filter looks.
    """
    out = np.zeros_like(image)
    for top in range(0, image.shape[0], _TILE):
        for left in range(0, image.shape[1], _TILE):
            low = max(top - reach, 0), max(left - reach, 0)
            patch = image[low[0] : top + _TILE + reach, low[1] : left + _TILE + reach]
            if patch.any():
                inner = out[top : top + _TILE, left : left + _TILE]
                y, x = top - low[0], left - low[1]
                inner[:] = smooth(patch)[y : y + inner.shape[0], x : x + inner.shape[1]]
    return out


def digitized(
    mean: Image, variance: Image | np.float32, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Add noise of a given variance (Poisson noise at these counts is normal) and digitize."""
    noisy = rng.standard_normal(mean.shape, np.float32)
    noisy *= np.sqrt(variance)
    noisy += mean
    return np.clip(np.rint(noisy, out=noisy), 0, 65535, out=noisy).astype(np.uint16)
