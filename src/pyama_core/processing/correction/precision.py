"""How well a gain is known, judged by how well the frames agree on it.

The noise of the pixels tells too little: what a whole frame has beside the pattern, of stray light
or of cells, it has in all of its pixels. The variance of the fit is therefore taken from what each
frame leaves (the sandwich estimator, White, Econometrica 48, 1980), a frame weighed as if the
others had to foretell it (MacKinnon and White, J. Econometrics 29, 1985).
"""

from dataclasses import replace

import numpy as np

from pyama_core.processing.correction.illumination import Illumination, fits_of, typical_error
from pyama_core.processing.correction.patches import PatchSeries
from pyama_core.processing.correction.regression import SurfaceRegression, ridge
from pyama_core.processing.correction.spline import Floats

_FEWEST_FRAMES = 3
"""Two frames always agree on a gain."""


def with_agreement(
    patches: PatchSeries, regression: SurfaceRegression, fitted: Illumination
) -> Illumination:
    """Return the pattern with errors of its gain that cover how far frames disagree on it."""
    if patches.typical.sum() < _FEWEST_FRAMES:
        return fitted
    inverse, scores = _information_and_scores(patches, regression, fitted)
    n = fitted.gain.size
    shares = scores @ inverse[n:].T
    covariances = fitted.noise**2 * inverse[n:, n:], shares.T @ shares
    shape = (fitted.base - fitted.level).ravel()
    shape /= max(float(np.linalg.norm(shape)), np.finfo(np.float64).tiny)
    along = [abs(float(shape @ covariance @ shape)) for covariance in covariances]
    return replace(
        fitted,
        gain_error=max(typical_error(covariance) for covariance in covariances),
        line_error=float(np.sqrt(max(along) / n)),
    )


def _information_and_scores(
    patches: PatchSeries, regression: SurfaceRegression, fitted: Illumination
) -> tuple[Floats, Floats]:
    """Return the inverse information on base and gain ``(2n, 2n)``, and each frame's pull on them.

    Pulls ``(T, 2n)`` are what the frame leaves, over the share of it that the fit has not followed.
    """
    grid = patches.pixels.shape[1:]
    sums, pulls = np.zeros((3, *grid)), []
    lever = _leverage(fitted.drift[patches.typical])
    for fit in fits_of(patches, regression, fitted):
        typical = fit.block.typical
        u, weights = fitted.drift[fit.block.at][typical], fit.weights[typical]
        sums += (np.stack([np.ones_like(u), u, u * u]) @ weights).reshape(3, *grid)
        left = regression.projection((weights * fit.rest[typical]).reshape(-1, *grid))
        pulls.append(np.concatenate([left, u[:, None] * left], axis=1))
    w, wu, wuu = (regression.information(weights) for weights in sums)
    rows = [
        [w + regression.penalty(w) + ridge(w), wu],
        [wu, wuu + regression.penalty(wuu) + ridge(w)],
    ]
    return np.linalg.inv(np.block(rows)), np.concatenate(pulls) / (1 - lever)[:, None]


def _leverage(drift: Floats) -> Floats:
    """Return how far a line through all frames follows each of them, below 1."""
    square = (drift - drift.mean()) ** 2
    followed = 1 / len(drift) + square / max(square.sum(), np.finfo(np.float64).tiny)
    return np.asarray(np.minimum(followed, 1 - 1e-9))
