"""Phase contrast: dark, textured cells with a bright halo on an uneven gray."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pyama_core.sample.footprints import Footprint, Image

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


_TEXTURE_SIZE = 512


@dataclass(frozen=True)
class PhaseOptics:
    """A phase-contrast channel; levels in counts of a 16-bit camera.

    Attributes
    ----------
    level : float
        Of the empty medium.
    contrast : float
        Share of the level by which a phase shift of one radian darkens.
    halo : int
        Width in pixels of the halo, the low-pass of the phase ring.
    flat, round_up : float
        Phase shift of a spread cell, and what rounding up adds, radians.
    granularity : float
        Standard deviation of the texture inside cells, share of the level.
    noise : float
        Standard deviation of the camera noise, counts.
    shading : float
        Share by which the level changes from edge to edge.
    debris : float
        Specks on the substrate per megapixel.
    """

    level: float = 31_000.0
    contrast: float = 0.5
    halo: int = 5
    flat: float = 0.7
    round_up: float = 1.5
    granularity: float = 0.14
    noise: float = 290.0
    shading: float = 0.06
    debris: float = 120.0


def make_texture(rng: np.random.Generator) -> Image:
    """Make a periodic texture of fine grain and dark granules, mean 0, standard deviation 1."""
    noise = rng.standard_normal((_TEXTURE_SIZE, _TEXTURE_SIZE))
    fine = ndimage.gaussian_filter(noise, 1.1, mode="wrap")
    coarse = ndimage.gaussian_filter(rng.standard_normal(noise.shape), 4.0, mode="wrap")
    spots = ndimage.gaussian_filter((rng.random(noise.shape) < 0.004) * 1.0, 1.4, mode="wrap")
    texture = fine / fine.std() + 0.5 * coarse / coarse.std() - 1.1 * spots / spots.std()
    texture = np.clip(texture, -3 * texture.std(), 0.7 * texture.std())
    return np.asarray((texture - texture.mean()) / texture.std(), np.float32)


def texture_of(footprint: Footprint, texture: Image) -> Image:
    """Sample the texture in the cell's own coordinates, so that it moves with the cell."""
    rows = np.rint(footprint.across + footprint.grain[0]).astype(np.intp) % _TEXTURE_SIZE
    columns = np.rint(footprint.along + footprint.grain[1]).astype(np.intp) % _TEXTURE_SIZE
    return np.asarray(texture[rows, columns], np.float32)


def paint_phase(
    phase: Image,
    grains: Image,
    cell: Footprint,
    inside: NDArray[np.bool_],
    optics: PhaseOptics,
    grain: Image,
) -> None:
    """Add a cell's phase shift and texture to those of the image, in place."""
    flat = np.clip(1 - cell.depth**6, 0, 1)
    dome = np.clip(1 - cell.depth**2, 0, 1)
    nucleus = np.exp(-((cell.depth / 0.45) ** 4))
    shift = optics.flat * flat + (0.25 + optics.round_up * cell.roundness) * dome
    phase[cell.box][inside] = (shift + 0.6 * _nucleoli(cell) - 0.15 * nucleus)[inside]
    strength = optics.granularity * np.clip(1.1 - cell.depth**8, 0, 1) * (1 - 0.4 * nucleus)
    grains[cell.box][inside] = (strength * grain)[inside]


def _nucleoli(cell: Footprint) -> Image:
    """Two dark bodies within the nucleus, each cell's in its own places."""
    turn = cell.grain[0]
    y, x = 3.5 * np.sin(turn), 3.5 * np.cos(turn)
    first = (cell.across - y) ** 2 + (cell.along - x) ** 2
    second = (cell.across + 0.7 * y) ** 2 + (cell.along + 0.8 * x) ** 2
    return np.asarray(np.exp(-first / 5.0) + np.exp(-second / 3.5), np.float32)


def phase_image(
    phase: Image,
    grains: Image,
    debris: Image,
    shade: Image,
    optics: PhaseOptics,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Form a phase-contrast image: dark where light is retarded, with a bright halo around.

    The halo is the low-pass of the phase that the ring lets through (Yin et al., Med Image Anal
    2012).
    """

    def low_pass(patch: Image) -> Image:
        once = ndimage.uniform_filter(patch, optics.halo, mode="nearest")
        return np.asarray(ndimage.uniform_filter(once, optics.halo, mode="nearest"), np.float32)

    halo = smoothed(phase, low_pass, reach=optics.halo)
    signal = np.sin(1.4 * (phase + debris) - 1.25 * halo)
    image = shade * (1 - np.float32(optics.contrast) * signal + grains)
    return digitized(image, np.float32(optics.noise**2), rng)


def make_shade(shape: tuple[int, int], optics: PhaseOptics, rng: np.random.Generator) -> Image:
    """Make the uneven level of the empty phase image, counts."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    slope = rng.uniform(-0.5, 0.5, 2) * optics.shading
    tilt = 1 + slope[0] * (y / shape[0] - 0.5) + slope[1] * (x / shape[1] - 0.5)
    bulge = 0.25 * optics.shading * np.cos(np.pi * (y / shape[0] - 0.5))
    bulge = bulge * np.cos(np.pi * (x / shape[1] - 0.5))
    return np.asarray(optics.level * (tilt + bulge), np.float32)


def make_debris(shape: tuple[int, int], optics: PhaseOptics, rng: np.random.Generator) -> Image:
    """Scatter specks that stay on the substrate: their phase shift, radians."""
    debris = np.zeros(shape, np.float32)
    for _ in range(rng.poisson(optics.debris * shape[0] * shape[1] / 1e6)):
        y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        radius, depth = rng.uniform(1.0, 2.2), rng.uniform(-0.2, 0.5)
        rows = slice(max(int(y) - 6, 0), int(y) + 7)
        columns = slice(max(int(x) - 6, 0), int(x) + 7)
        ys, xs = np.ogrid[: shape[0], : shape[1]]
        square = (ys[rows] - y) ** 2 + (xs[:, columns] - x) ** 2
        debris[rows, columns] += (depth * np.exp(-square / (2 * radius**2))).astype(np.float32)
    return debris


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
