"""The tracker LapTrack, for those who know its parameters.

LapTrack (Fukai & Kawaguchi, Bioinformatics 2023) links centroids by the two-step assignment of
Jaqaman et al. (Nature Methods 2008). It comes with the extra ``laptrack``.
"""

from collections.abc import Collection
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from pyama_core.processing.stack import Stack, Tick
from pyama_core.processing.tracking.detections import Movie
from pyama_core.processing.tracking.hypotheses import NONE, Events, joined, links
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.track import observe

if TYPE_CHECKING:
    import pandas as pd


if find_spec("laptrack") is None:
    raise ImportError("LapTrack is not installed, do: pip install 'napari-pyama[laptrack]'")


def follow_by_laptrack(
    segmented: Stack,
    params: TrackingParams,
    *,
    phase: Stack | None,
    missing: Collection[int],
    tick: Tick,
) -> tuple[Movie, Events]:
    """Link centroids with LapTrack, its cutoffs at ``max_distance``; the tracker ``laptrack``."""
    movie = observe(segmented, params, missing=missing, tick=tick)
    if len(movie.frame) == 0:
        return movie, joined([])
    return movie, _events(*_solved(movie, params))


def _solved(movie: Movie, params: TrackingParams) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Return LapTrack's table of spots, in the order of the cells, and its table of splits."""
    import laptrack
    import pandas as pd

    spots = pd.DataFrame({"frame": movie.order, "y": movie.cells.center[:, 0]})
    spots["x"], spots["node"] = movie.cells.center[:, 1], np.arange(len(movie.frame))
    cutoff = movie.reach**2
    settings: dict[str, Any] = {"cutoff": cutoff, "gap_closing_cutoff": cutoff}
    settings |= {"splitting_cutoff": cutoff, "gap_closing_max_frame_count": params.max_gap + 1}
    tracker = laptrack.LapTrack(**settings)
    tracked, splits, _ = tracker.predict_dataframe(spots, ["y", "x"], only_coordinate_cols=False)
    return tracked.sort_values("node"), splits


def _events(spots: "pd.DataFrame", splits: "pd.DataFrame") -> Events:
    """Translate LapTrack's tracks and splits."""
    track = spots["track_id"].to_numpy()
    node = np.argsort(track, kind="stable")
    same = track[node][1:] == track[node][:-1]
    kept = links(node[:-1][same], node[1:][same], np.zeros(same.sum()))
    first = dict(zip(track[node][::-1], node[::-1], strict=True))
    last = dict(zip(track[node], node, strict=True))
    daughters: dict[int, list[int]] = {}
    for mother, daughter in splits.to_numpy(np.int64).reshape(-1, 2):
        daughters.setdefault(int(mother), []).append(int(daughter))
    pairs = [(last[m], first[d[0]], first[d[1]]) for m, d in daughters.items() if len(d) == 2]
    split = np.array(pairs, np.int64).reshape(-1, 3)
    mothers = np.stack([split[:, 0], np.full(len(split), NONE)], axis=1)
    return joined([kept, Events(mothers, split[:, 1:], np.zeros(len(split)))])
