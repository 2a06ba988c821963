"""Bad segmentations take no unreasonable time or memory."""

import numpy as np
import pytest
from scipy import ndimage

from pyama_core.processing.tracking import TrackingParams, track_stack
from pyama_core.processing.tracking.detections import pairs_within


def test_noise_that_percolates_is_tracked():
    rng = np.random.default_rng(0)
    noise = np.stack([ndimage.gaussian_filter(rng.random((256, 256)), 1) for _ in range(3)])
    tracking = track_stack(noise > np.median(noise), TrackingParams())
    assert len(list(tracking)) == 3


@pytest.mark.parametrize("low", [0, -80, 1e6])
def test_near_pairs_are_those_within_reach(low):
    rng = np.random.default_rng(1)
    first, second = rng.uniform(low, low + 50, (40, 2)), rng.uniform(low, low + 50, (30, 2))
    second[3] = first[7]
    away = np.linalg.norm(first[:, None] - second[None], axis=2)
    i, j, found = pairs_within(first, second, 9.0)
    assert sorted(zip(i, j, strict=True)) == sorted(zip(*np.nonzero(away < 9.0), strict=True))
    np.testing.assert_allclose(found, away[i, j])
    assert len(pairs_within(first, second, 0.0)[0]) == 0
