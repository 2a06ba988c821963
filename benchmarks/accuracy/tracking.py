"""How near tracks and lineages come to the true ones, by the Cell Tracking Challenge's scores.

Colonies are tracked from their true instances, in random order in each frame; the sample from
its phase images, segmented with parameters that suit its cells; t98g from the published ids, whose
divisions nobody marked, so that LNK alone says something.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nd2
import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy import Figure, named, table
from benchmarks.accuracy.ctc import SCORES, scores
from pyama_core.processing.segmentation import SegmentationParams, segment_stack
from pyama_core.processing.tracking import TrackingParams, track_stack
from pyama_core.sample import Lineage, make_colony, make_sample

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "nd2"
SEEDS = range(5)
SAMPLE_SEGMENTATION = SegmentationParams(split="distance", opening_iterations=1, min_size=130)
"""Suits the size of the sample's cells, also of those that the border cuts."""
REACH = {"TRA": ">= 0.99", "LNK": ">= 0.95", "BC(1)": ">= 0.95"}

Labels = NDArray[np.integer[Any]]


def tracking_accuracy() -> list[Figure]:
    """Return the figures of the default tracker."""
    rows = [*colony_figures(), *sample_figures()]
    if SHARED.is_dir():
        rows += t98g_figures()
    return rows


def colony_figures() -> Iterator[Figure]:
    """Track colonies of true instances, all seeds and every second frame only; give the worst."""
    colonies = [make_colony(seed=seed) for seed in SEEDS]
    for name, every in (("colony", 1), ("colony, every 2nd frame", 2)):
        results = [_colony_scores(ids, known, every) for ids, known in colonies]
        for score in SCORES:
            reach = REACH[score] if every == 1 else ""
            yield Figure(f"{name}: {score}, worst", min(r[score] for r in results), reach)


def sample_figures() -> Iterator[Figure]:
    """Track the default sample from its images."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.nd2"
        truth = make_sample(path)
        with nd2.ND2File(path) as file:
            movie = file.asarray()
    results = []
    for fov, lineage in enumerate(truth.lineage):
        phase = movie[:, fov, 0]
        tracking = track_stack(_segmented(phase), TrackingParams(), phase=phase)
        results.append(scores(truth.ids[:, fov], lineage, tracking, tracking.lineage))
    name = f"sample ({named(SAMPLE_SEGMENTATION)})"
    for score in SCORES:
        reach = ">= 0.97" if score == "TRA" else ""
        yield Figure(f"{name}: {score}, worst FOV", min(r[score] for r in results), reach)


def t98g_figures() -> Iterator[Figure]:
    """Track the real cells of t98g from their published ids."""
    with np.load(SHARED / "t98g_t37p2c2_truth.npz") as file:
        movies = file["ids"]
    for fov in range(movies.shape[1]):
        ids = movies[:, fov]
        tracking = track_stack(_renamed(ids, 0), TrackingParams())
        found = scores(ids, _lineage(ids, {}), tracking, tracking.lineage)
        yield Figure(f"t98g FOV {fov}: LNK", found["LNK"], "")


def _colony_scores(ids: Labels, known: Lineage, every: int) -> dict[str, float]:
    """Track every so many frames of a colony."""
    mothers = dict(zip(known.cell.tolist(), known.parent.tolist(), strict=True))
    seen = ids[::every]
    tracking = track_stack(_renamed(seen, every), TrackingParams())
    return scores(seen, _lineage(seen, mothers), tracking, tracking.lineage)


def _segmented(phase: NDArray[np.uint16]) -> Labels:
    found = segment_stack(phase, SAMPLE_SEGMENTATION)
    return np.stack([f.mask if f.instances is None else f.instances for f in found])


def _renamed(ids: Labels, seed: int) -> NDArray[np.uint32]:
    """Give the cells of each frame new values in random order."""
    rng = np.random.default_rng(seed)
    out = np.zeros(ids.shape, np.uint32)
    for frame, renamed in zip(ids, out, strict=True):
        names = np.concatenate([[0], 1 + rng.permutation(int(frame.max()))])
        renamed[:] = names[frame]
    return out


def _lineage(ids: Labels, mothers: dict[int, int]) -> SimpleNamespace:
    """Draw up the lineage of the cells that are seen; unseen mothers are passed over."""
    spans: dict[int, tuple[int, int]] = {}
    for t, frame in enumerate(ids):
        for cell in np.unique(frame[frame > 0]).tolist():
            spans[cell] = (spans.get(cell, (t, t))[0], t)
    cells = np.array(sorted(spans))
    parents = []
    for cell in cells.tolist():
        mother = mothers.get(cell, 0)
        while mother and mother not in spans:
            mother = mothers.get(mother, 0)
        parents.append(mother)
    first, last = np.array([spans[c] for c in cells.tolist()]).T
    return SimpleNamespace(cell=cells, first_frame=first, last_frame=last, parent=np.array(parents))


if __name__ == "__main__":
    print(table(tracking_accuracy()))
