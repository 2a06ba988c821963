"""What a pixel classifier sees of a pixel: planes of features at two resolutions.

The image is binned; features of a few pixels' extent are computed on that, those of larger extent
at half its resolution, where they cost a quarter. The derivative features are those of ilastik
(Sommer et al. 2011) and of trainable Weka segmentation (Arganda-Carreras et al. 2017): Gaussian
smoothing, gradient magnitude, eigenvalues of the Hessian and of the structure tensor; with them go
the logarithm of the local standard deviation, which tells cells from medium in phase contrast, and
rays (see `rays`). None depends on how the image is turned.

The image is divided by its median, which takes out exposure but not contrast: contrast is what a
cell is known by, and depends on how many there are when taken from the frame itself.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from pyama_core.processing.kernels import kernel

Array = NDArray[Any]


def enlarged(
    plane: NDArray[np.float32], factor: int, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Interpolate between the centers of blocks of `factor` pixels; cut to `shape`."""
    out = np.empty(shape, np.float32)
    interpolate(plane, *_positions(shape[0], factor), *_positions(shape[1], factor), out)
    return out


def _positions(size: int, factor: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each pixel, the block before its center and how far it is from that one's center."""
    place = np.maximum((np.arange(size) + 0.5) / factor - 0.5, 0.0)
    first = place.astype(np.int64)
    return first, (place - first).astype(np.float32)


@kernel
def interpolate(plane: Array, ys: Array, dys: Array, xs: Array, dxs: Array, out: Array) -> None:
    """Bilinear interpolation at the crossings of rows and columns."""
    last_y, last_x = plane.shape[0] - 1, plane.shape[1] - 1
    for i in range(ys.size):
        y0, y1, dy = min(ys[i], last_y), min(ys[i] + 1, last_y), dys[i]
        for j in range(xs.size):
            x0, x1, dx = min(xs[j], last_x), min(xs[j] + 1, last_x), dxs[j]
            upper = plane[y0, x0] + dx * (plane[y0, x1] - plane[y0, x0])
            lower = plane[y1, x0] + dx * (plane[y1, x1] - plane[y1, x0])
            out[i, j] = upper + dy * (lower - upper)


DIRECTIONS = 16
LENGTHS = (4, 8, 16, 32)
RANKS = (0, 2, 4, 8)


def ray_planes(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Greatest values along rays, ranked over directions.

    Parameters
    ----------
    plane
        ``(H, W)``.

    Returns
    -------
    ndarray
        ``(len(LENGTHS) * len(RANKS), H, W)``: for each length in pixels the least, and further
        ranks in ascending order, of the `DIRECTIONS` greatest values; rays end at the border.
    """
    out = np.empty((len(LENGTHS) * len(RANKS), *plane.shape), np.float32)
    padded = np.pad(plane, LENGTHS[-1], constant_values=-np.inf)
    walk(padded, _steps(), _sorting_network(DIRECTIONS), np.array(RANKS), out)
    return out


def _steps() -> NDArray[np.int64]:
    """Offsets ``(direction, ring, step, 2)``; each ring of steps ends at one of the lengths.

    The same number of steps in each ring: the farther, the coarser.
    """
    starts = np.array((0, *LENGTHS[:-1]))
    along = np.linspace(starts, LENGTHS, LENGTHS[0] + 1)[1:].T
    angle = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    unit = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    steps: NDArray[np.int64] = np.rint(along[None, :, :, None] * unit[:, None, None, :]).astype(
        np.int64
    )
    return steps


def _sorting_network(size: int) -> NDArray[np.int64]:
    """Pairs to be put in order one after the other; `size` is a power of 2."""
    pairs = []
    for merged in 2 ** np.arange(int(np.log2(size))):
        for gap in merged >> np.arange(int(np.log2(merged)) + 1):
            low = np.arange(gap % merged, size - gap)
            low = low[(low - gap % merged) % (2 * gap) < gap]
            together = low // (2 * merged) == (low + gap) // (2 * merged)
            pairs.append(np.stack([low, low + gap])[:, together])
    return np.concatenate(pairs, axis=1).T.astype(np.int64)


@kernel
def walk(padded: Array, steps: Array, network: Array, ranks: Array, out: Array) -> None:
    """For each row of pixels, sort the greatest values so far at the end of each ring of steps."""
    height, width = out.shape[1:]
    n_directions, n_rings, n_steps, _ = steps.shape
    margin = (padded.shape[0] - height) // 2
    greatest = np.empty((n_directions, width), np.float32)
    for y in range(height):
        greatest[:] = padded[y + margin, margin : margin + width]
        for ring in range(n_rings):
            for d in range(n_directions):
                for k in range(n_steps):
                    dy, dx = steps[d, ring, k]
                    raise_to(greatest[d], padded[y + margin + dy, margin + dx :])
            ordered = greatest.copy()
            for a, b in network:
                put_in_order(ordered[a], ordered[b])
            for r in range(ranks.size):
                out[ring * ranks.size + r, y] = ordered[ranks[r]]


@kernel
def raise_to(values: Array, others: Array) -> None:
    """Make each value at least the other."""
    for x in range(values.size):
        values[x] = others[x] if others[x] > values[x] else values[x]


@kernel
def put_in_order(low: Array, high: Array) -> None:
    """Exchange the values that are greater in `low`."""
    for x in range(low.size):
        a, b = low[x], high[x]
        low[x] = b if a > b else a
        high[x] = a if a > b else b


Plane = NDArray[np.float32]
REACH = 128
"""Binned pixels from which a feature may take anything; even."""
_FINE_SIGMAS = (0.7, 1.5)
_COARSE_SIGMAS = (1.5, 3.0, 6.0)
_TEXTURE_SIGMAS = (1.5, 3.0, 6.0, 12.0)
_GRAIN_SIGMAS = (1.0, 2.0)
_FAINTEST = np.float32(1e-8)


class Planes(NamedTuple):
    """Features of all pixels: ``fine`` ``(F, h, w)`` and ``coarse`` ``(G, h / 2, w / 2)``."""

    fine: NDArray[np.float32]
    coarse: NDArray[np.float32]

    @property
    def size(self) -> int:
        """Number of features."""
        return len(self.fine) + len(self.coarse)


def contrast(frame: NDArray[Any], binning: int) -> Plane:
    """Divide a frame by its median; extend it to whole coarse pixels by repeating its edge."""
    image = np.asarray(frame, np.float32)
    finite = image[np.isfinite(image)]
    median = float(np.median(finite)) if finite.size else 0.0
    image = np.nan_to_num(image, nan=median, posinf=median, neginf=median)
    block = 2 * binning
    padding = [(0, -size % block) for size in image.shape]
    return np.pad(image / (median if median > 0 else 1.0) - 1.0, padding, mode="edge")


def image_planes(image: Plane, binning: int) -> Planes:
    """Compute the features of an image as `contrast` gives it."""
    fine = binned(image, binning)
    coarse = binned(fine, 2)
    detail = fine - blurred(fine, 3.0)
    grain = [binned((image - blurred(image, sigma)) ** 2, binning) for sigma in _GRAIN_SIGMAS]
    texture = _log_std(detail**2, 1.5)
    return Planes(
        np.stack(
            [fine, texture]
            + [_log_std(squares, 1.0) for squares in grain]
            + [plane for sigma in _FINE_SIGMAS for plane in _derivatives(fine, sigma)]
        ),
        np.stack(
            [plane for sigma in _COARSE_SIGMAS for plane in _derivatives(coarse, sigma)]
            + [_log_std(binned(detail**2, 2), sigma) for sigma in _TEXTURE_SIGMAS]
            + [_log_std(binned(q, 2), sigma) for q in grain for sigma in _TEXTURE_SIGMAS[:2]]
            + _image_rays(fine, detail, texture)
        ),
    )


def binned(plane: Plane, size: int) -> Plane:
    """Mean of blocks of `size` x `size` pixels."""
    height, width = plane.shape
    blocks = plane.reshape(height // size, size, width // size, size)
    mean: Plane = np.einsum("yixj->yx", blocks) / np.float32(size * size)
    return mean


def blurred(plane: Plane, sigma: float) -> Plane:
    """Gaussian of a plane, cut at 3 sigma, the image mirrored at its border."""
    smooth: Plane = ndi.gaussian_filter(plane, sigma, truncate=3.0)
    return smooth


def slopes(plane: Plane) -> tuple[Plane, Plane]:
    """Differences of neighbors along both axes, central ones except at the border."""
    along: tuple[Plane, Plane] = tuple(np.gradient(plane))
    return along


def _derivatives(plane: Plane, sigma: float) -> list[Plane]:
    """Gaussian, gradient magnitude, eigenvalues of the Hessian and of the structure tensor."""
    smooth = blurred(plane, sigma)
    gy, gx = slopes(smooth)
    (gyy, gyx), (_, gxx) = slopes(gy), slopes(gx)
    hessian = _eigenvalues(gyy, gyx, gxx)
    products = (gy * gy, gy * gx, gx * gx)
    tensor = _eigenvalues(*(blurred(product, 2 * sigma) for product in products))
    return [
        smooth,
        np.hypot(gy, gx),
        *hessian,
        *(np.log(np.maximum(value, 0) + _FAINTEST) for value in tensor),
    ]


def _eigenvalues(yy: Plane, yx: Plane, xx: Plane) -> tuple[Plane, Plane]:
    """Greater and lesser eigenvalue of symmetric 2 x 2 matrices."""
    middle: Plane = (yy + xx) * np.float32(0.5)
    half: Plane = np.hypot((yy - xx) / 2, yx)
    return middle + half, middle - half


def _log_std(squares: Plane, sigma: float) -> Plane:
    """Logarithm of the standard deviation from squared deviations around each pixel."""
    variance: Plane = np.maximum(blurred(squares, sigma), 0) + _FAINTEST
    return np.log(variance) * np.float32(0.5)


def _image_rays(fine: Plane, detail: Plane, texture: Plane) -> list[Plane]:
    """Rays over texture, and over what is brighter and darker than its surroundings."""
    small = binned(blurred(detail, 1.0), 2)
    large = binned(blurred(fine - blurred(fine, 12.0), 1.5), 2)
    surroundings = (binned(texture, 2), small, -small, large, -large)
    return [ray for plane in surroundings for ray in ray_planes(plane)]
