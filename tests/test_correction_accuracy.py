"""How near corrected cells come to the truth on a real movie and on the sample, with limits."""

import numpy as np
import pytest
from benchmarks.accuracy.background import sample_cases, score, t98g_cases

from pyama_core.processing.correction import CorrectionParams


def check(case):
    result, background = score(case, CorrectionParams())
    assert background.method == "regression_gain"
    assert np.median(result.errors) < 0.01
    assert np.percentile(result.errors, 95) < 0.03
    assert result.spread < 0.02
    assert abs(result.residual) < 0.5
    assert background.residual == pytest.approx(result.residual, abs=0.5)
    return background


def test_cells_of_the_real_movie_come_out_right_and_so_does_its_camera_offset(shared_data):
    for case in t98g_cases(shared_data / "nd2"):
        assert check(case).camera_offset == pytest.approx(200, abs=15)


def test_cells_of_the_sample_come_out_right_from_its_images(tmp_path):
    for case in sample_cases(tmp_path, n_fovs=1, n_frames=20):
        assert check(case).camera_offset == pytest.approx(100, abs=15)


def test_plain_subtraction_is_far_worse(shared_data):
    params = CorrectionParams(method="tiles", fill="frame_median", edges="hold")
    result, _ = score(next(t98g_cases(shared_data / "nd2")), params)
    assert np.median(result.errors) > 0.03
