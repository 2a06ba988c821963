"""The tracking scores that `make accuracy` prints."""

from types import SimpleNamespace

import numpy as np
import pytest

from pyama_core.processing.tracking import TrackingParams, track_stack
from pyama_core.sample import ColonyParams, make_colony

pytest.importorskip("ctc_metrics")
from benchmarks.accuracy.ctc import scores

SMALL = ColonyParams(height=128, width=128, divisions=10)


def test_the_truth_scores_full_marks():
    ids, known = make_colony(12, seed=0, params=SMALL)
    assert scores(ids, known, ids, known) == {"TRA": 1.0, "LNK": 1.0, "BC(1)": 1.0}


def test_tracks_cut_at_every_frame_score_no_links():
    ids, known = make_colony(12, seed=0, params=SMALL)
    n = len(known.cell) + 1
    cut = np.stack(
        [np.where(frame > 0, frame + t * n, 0) for t, frame in enumerate(ids.astype(int))]
    )
    cells = np.unique(cut[cut > 0])
    frame = cells // n
    lineage = SimpleNamespace(cell=cells, first_frame=frame, last_frame=frame, parent=0 * cells)
    found = scores(ids, known, cut, lineage)
    assert found["LNK"] == 0 and found["BC(1)"] == 0 and found["TRA"] < 0.9


def test_a_tracked_colony_reaches_the_scores():
    ids, known = make_colony(20, seed=3, params=SMALL)
    tracking = track_stack(ids, TrackingParams())
    found = scores(ids, known, tracking, tracking.lineage)
    assert found["TRA"] >= 0.99 and found["LNK"] >= 0.95 and found["BC(1)"] >= 0.95
