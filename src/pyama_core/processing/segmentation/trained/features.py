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

from pyama_core.processing.segmentation.trained.rays import ray_planes

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
