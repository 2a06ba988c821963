"""Fluorescence: the cells' blurred light and the medium's, unevenly lit, on a camera."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pyama_core.sample.camera import digitized, smoothed
from pyama_core.sample.footprints import Footprint, Image

_BODY_SCALE, _NUCLEUS_SCALE = 1.75, 5.57
"""Make the mean of each profile over a cell 1."""


@dataclass(frozen=True)
class FluorescenceOptics:
    """A fluorescence channel; levels in counts.

    Attributes
    ----------
    vignetting : float
        Share of the illumination that is lost in the corners.
    center : (float, float)
        Where the illumination is brightest, shares of height and width.
    camera_offset : float
        Counts without light.
    medium, bleached, bleach_minutes : float
        Background light of the medium at first, the share that bleaches, its time constant.
    nuclear : float
        Share of the protein that is in the nucleus.
    blur : float
        Sigma of the point spread function, px.
    read_noise : float
        Standard deviation, counts; Poisson noise comes on top.
    """

    vignetting: float
    center: tuple[float, float]
    camera_offset: float
    medium: float
    bleached: float
    bleach_minutes: float
    nuclear: float = 0.0
    blur: float = 1.2
    read_noise: float = 3.0

    def illumination(self, shape: tuple[int, int]) -> Image:
        """Relative illumination (Y, X), 1 at its brightest."""
        y, x = np.ogrid[: shape[0], : shape[1]]
        dy, dx = (y + 0.5) / shape[0] - self.center[0], (x + 0.5) / shape[1] - self.center[1]
        return (1 - self.vignetting * 2 * (dy**2 + dx**2)).astype(np.float32)

    def medium_at(self, minutes: float) -> float:
        """Background light of the medium at a time, counts."""
        left = 1 - self.bleached * (1 - np.exp(-minutes / self.bleach_minutes))
        return float(self.medium * left)


def paint_light(
    light: Image,
    cell: Footprint,
    inside: NDArray[np.bool_],
    level: float,
    nuclear: float,
    grain: Image,
) -> None:
    """Add a cell's fluorescence before blur to the image, in place."""
    body = _BODY_SCALE * np.clip(1 - cell.depth**2, 0, 1) ** 0.75 * (1 + 0.08 * grain)
    nucleus = np.exp(-((cell.depth / 0.45) ** 4))
    profile = (1 - nuclear) * body + nuclear * _NUCLEUS_SCALE * nucleus
    light[cell.box][inside] = (np.float32(level) * np.maximum(profile, 0))[inside]


def fluorescence_image(
    light: Image,
    medium: float,
    illumination: Image,
    optics: FluorescenceOptics,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Form a fluorescence image from the blurred light of the cells and the medium."""
    photons = (light + np.float32(medium)) * illumination
    variance = photons + np.float32(optics.read_noise**2)
    return digitized(photons + np.float32(optics.camera_offset), variance, rng)


def blurred(light: Image, optics: FluorescenceOptics) -> Image:
    """Blur with the point spread function; light does not leave through the border."""

    def blur(patch: Image) -> Image:
        out = np.empty_like(patch)
        ndimage.gaussian_filter(patch, optics.blur, output=out, mode="reflect", truncate=3.0)
        return out

    return smoothed(light, blur, reach=int(4 * optics.blur) + 1)
