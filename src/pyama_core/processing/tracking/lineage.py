"""Who a cell is, whose daughter it is, when it was there, how it began and ended."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyama_core import columns
from pyama_core.processing.tracking.assignment import Ints


@dataclass(frozen=True)
class Lineage:
    """One row per tracked cell, in order of its id.

    Attributes
    ----------
    cell : (N,) int64
        Ids from 1.
    parent : (N,) int64
        Id of the mother, 0 = none.
    first_frame, last_frame : (N,) int64
        The first and last frame the cell is labeled in, inclusive.
    began : (N,) str
        ``start`` (there in the first frame), ``division``, ``entered`` (at the border),
        ``parted`` (from a cell it had touched for too long) or ``appeared``.
    ended : (N,) str
        ``end`` (there in the last frame), ``division``, ``left`` (at the border), ``merged``
        (touching another cell for too long) or ``lost``.
    """

    cell: Ints
    parent: Ints
    first_frame: Ints
    last_frame: Ints
    began: NDArray[np.str_]
    ended: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.cell)

    def table(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns by name, in the order of a lineage table."""
        return {name: getattr(self, name) for name in columns.LINEAGE_COLUMNS}
