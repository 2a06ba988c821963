"""Follow the cells of a time lapse: the step as one function."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.stack import Stack, Tick, no_tick
from pyama_core.processing.tracking.lineage import Lineage
from pyama_core.processing.tracking.linking import Links, Snapshot
from pyama_core.processing.tracking.following import follow
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import measure
from pyama_core.processing.tracking.runs import paint_runs, runs_of
from pyama_core.processing.tracking.tracks import join

Ints = NDArray[np.int64]
Labels = NDArray[np.uint16] | NDArray[np.uint32]


@dataclass(frozen=True)
class Tracking:
    """Tracked cells; iterating yields one label image per frame, as often as wanted.

    Attributes
    ----------
    segmented : Stack
        What was tracked; read again while iterating.
    ids : list of (N,) int64
        Per frame the id of each of its cells.
    lineage : Lineage
    notes : list of str
        What a user should know.
    drift : (T, 2) float64
        Displacement of the field since the first frame, y, x in pixels.
    """

    segmented: Stack
    ids: list[Ints]
    lineage: Lineage
    notes: list[str]
    drift: NDArray[np.float64]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """uint16, or uint32 when there are more than 65535 cells."""
        return np.dtype(np.uint16 if len(self.lineage) <= np.iinfo(np.uint16).max else np.uint32)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(T, H, W)``."""
        return self.segmented.shape

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Labels]:
        return (self.frame(t) for t in range(len(self)))

    def frame(self, t: int) -> Labels:
        """Return the label image of frame `t`, (H, W)."""
        labels = np.zeros(self.shape[1:], self.dtype)
        if len(self.ids[t]):
            runs = runs_of(self.segmented[t])
            ids = self.ids[t].astype(self.dtype)
            paint_runs(runs.row_start, runs.start, runs.stop, ids[runs.cell], labels)
        return labels


def track_stack(
    segmented: Stack,
    params: TrackingParams,
    *,
    phase: Stack | None = None,
    missing: Collection[int] = (),
    tick: Tick = no_tick,
) -> Tracking:
    """Follow cells over time and find their divisions.

    Parameters
    ----------
    segmented : (T, H, W) bool or integer
        Masks, whose connected components are cells, or untracked instances.
    params : TrackingParams
    phase : (T, H, W), optional
        The channel that stage drift is estimated from.
    missing : collection of int
        Frames the file does not hold; cells are followed across them.
    tick : callable
        Called once per frame; may raise to cancel.
    """
    regions = [measure(runs_of(np.zeros((1, 1), np.bool_)))] * len(segmented)
    pairs: list[tuple[int, int, Links]] = []
    before: tuple[int, Snapshot] | None = None
    for t in range(len(segmented)):
        tick("linking cells", t)
        if t in missing:
            continue
        runs = runs_of(segmented[t])
        here = Snapshot(runs, measure(runs))
        regions[t] = here.regions
        if before is not None:
            links, forecast = follow(before[1], here, forecast, params)
            pairs.append((before[0], t, links))
        else:
            forecast = np.zeros((len(here.regions), 2))
        before = t, here
    ids, lineage = join(regions, pairs, segmented.shape[1:])  # type: ignore[arg-type]
    return Tracking(segmented, ids, lineage, [], np.zeros((len(segmented), 2)))


