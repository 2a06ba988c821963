"""Synthetic fluorescence movies whose background and cells are known."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Movie:
    frames: np.ndarray
    masks: np.ndarray
    background: np.ndarray
    illumination: np.ndarray
    cells: np.ndarray
    """(T, H, W) light of the cells where the illumination is 1."""


def vignette(shape, loss=0.3, center=(0.45, 0.55)):
    """Illumination with its mean at 1, darker towards the corners."""
    y, x = (np.arange(n) / n - c for n, c in zip(shape, center, strict=True))
    light = 1 - 2 * loss * (y[:, None] ** 2 + x**2)
    return light / light.mean()


def make_movie(medium, shape=(300, 360), offset=100.0, loss=0.3, n_cells=12, level=300.0, seed=0):
    """Square cells that walk over an uneven background; `medium` gives its light in each frame."""
    rng = np.random.default_rng(seed)
    light = vignette(shape, loss)
    medium = np.asarray(medium, float)
    background = offset + medium[:, None, None] * light
    masks = np.zeros(background.shape, bool)
    corners = rng.integers(0, np.array(shape) - 24, (n_cells, 2))
    for mask in masks:
        corners = np.clip(corners + rng.integers(-6, 7, corners.shape), 0, np.array(shape) - 24)
        for y, x in corners:
            mask[y : y + 24, x : x + 24] = True
    cells = level * masks
    photons = background + cells * light
    frames = np.clip(np.rint(rng.normal(photons, np.sqrt(photons))), 0, 65535).astype(np.uint16)
    return Movie(frames, masks, background, light, cells)
