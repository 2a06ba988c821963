"""Who a cell is, whose daughter it is and when it was there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Lineage:
    """One row per cell, sorted by cell.

    Attributes
    ----------
    cell : (N,) int64
        Ids from 1.
    parent : (N,) int64
        Id of the mother; 0 = none.
    first_frame, last_frame : (N,) int64
        First and last frame the cell is seen in, inclusive.
    """

    cell: NDArray[np.int64]
    parent: NDArray[np.int64]
    first_frame: NDArray[np.int64]
    last_frame: NDArray[np.int64]

    @property
    def n_divisions(self) -> int:
        """Number of mothers."""
        return len(np.unique(self.parent[self.parent > 0]))


def lineage_of(ids: NDArray[np.uint16], parents: NDArray[np.int64]) -> Lineage:
    """Collect the lineage of the cells that are seen in `ids`.

    Parameters
    ----------
    ids : (T, Y, X) uint16
        Tracked instances, 0 = background.
    parents : (N + 1,) int64
        Mother of each id; 0 = none.
    """
    return lineage_of_presence(
        np.stack([np.bincount(i.ravel(), minlength=len(parents)) > 0 for i in ids]), parents
    )


def lineage_of_presence(seen: NDArray[np.bool_], parents: NDArray[np.int64]) -> Lineage:
    """Collect the lineage from who is seen in which frame.

    Parameters
    ----------
    seen : (T, N + 1) bool
        Column 0, the background, is ignored.
    parents : (N + 1,) int64
        Mother of each id; 0 = none.
    """
    cell = np.flatnonzero(seen.any(axis=0))
    cell = cell[cell > 0]
    first = seen.argmax(axis=0)[cell]
    last = len(seen) - 1 - seen[::-1].argmax(axis=0)[cell]
    parent = np.where(np.isin(parents[cell], cell), parents[cell], 0)
    return Lineage(cell, parent, first, last)
