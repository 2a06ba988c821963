"""Phase contrast: dark, textured cells with a bright halo on an uneven gray."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pyama_core.sample.camera import digitized, smoothed
from pyama_core.sample.footprints import Footprint, Image

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
