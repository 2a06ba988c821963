"""Join links into tracks: an id for every cell of every frame, and the lineage."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.lineage import Lineage
from pyama_core.processing.tracking.linking import Links
from pyama_core.processing.tracking.regions import Regions

Ints = NDArray[np.int64]


def join(
    regions: Sequence[Regions], pairs: Sequence[tuple[int, int, Links]], shape: tuple[int, int]
) -> tuple[list[Ints], Lineage]:
    """Give every cell its id.

    Parameters
    ----------
    regions : (T,) sequence of Regions
        The cells of each frame.
    pairs : sequence of (int, int, Links)
        Links from an earlier frame to a later one.
    shape : (int, int)
        Height and width of a frame.

    Returns
    -------
    ids : list of (N,) int64
        The id of each cell of each frame, from 1, in order of first appearance.
    lineage : Lineage
    """
    offset = np.cumsum([0] + [len(r) for r in regions])
    n = int(offset[-1])
    before, mother = np.full(n, -1), np.full(n, -1)
    for i, j, links in pairs:
        source, target = links.source + offset[i], links.target + offset[j]
        before[target[~links.divides]] = source[~links.divides]
        mother[target[links.divides]] = source[links.divides]
    ids = _numbered(before)
    frame = np.repeat(np.arange(len(regions)), np.diff(offset))
    edge = np.concatenate([_at_border(r, shape) for r in regions]) if n else np.empty(0, bool)
    lineage = _lineage(ids, frame, mother, edge, len(regions))
    return [ids[a:b] for a, b in zip(offset[:-1], offset[1:], strict=True)], lineage


def _numbered(before: Ints) -> Ints:
    """Number the chains that `before` makes, in the order of their first members."""
    starts = before < 0
    ids = np.where(starts, np.cumsum(starts), 0)
    for node in np.flatnonzero(~starts):
        ids[node] = ids[before[node]]
    return ids


def _at_border(regions: Regions, shape: tuple[int, int]) -> NDArray[np.bool_]:
    y0, x0, y1, x1 = regions.box.T
    return (y0 == 0) | (x0 == 0) | (y1 == shape[0]) | (x1 == shape[1])


def _lineage(
    ids: Ints, frame: Ints, mother: Ints, edge: NDArray[np.bool_], n_frames: int
) -> Lineage:
    cell, first = np.unique(ids, return_index=True)
    last = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
    parent = np.where(mother[first] >= 0, ids[mother[first]] if len(ids) else 0, 0)
    began = np.where(edge[first], "entered", "appeared")
    began = np.where(frame[first] == 0, "start", began)
    began = np.where(parent > 0, "division", began)
    ended = np.where(edge[last], "left", "lost")
    ended = np.where(frame[last] == n_frames - 1, "end", ended)
    ended = np.where(np.isin(cell, parent), "division", ended)
    return Lineage(cell, parent, frame[first], frame[last], began, ended)
