"""Which tracks of two trace tables are the same cell."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.columns import AREA, CELL, FRAME, POSITION_X, POSITION_Y

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

_RADIUS_WITHOUT_AREA: Final = 5.0
_LEAST_OVERLAP: Final = 0.5


def coinciding_cells(
    old: Mapping[str, NDArray[Any]], new: Mapping[str, NDArray[Any]], cells: Iterable[int]
) -> dict[int, int]:
    """Find the cell of a new trace table that is the same as one of an old.

    Parameters
    ----------
    old, new
        Trace tables of one field of view.
    cells
        Cells of the old table to look for.

    Returns
    -------
    dict
        New cell by old cell, for those whose tracks lie within a cell's radius of each other in
        more than half of the frames in which either is.
    """
    if not all({POSITION_X, POSITION_Y} <= {*table} for table in (old, new)):
        return {}
    wanted = np.isin(old[CELL], list(cells))
    together: Counter[tuple[int, int]] = Counter()
    for frame in np.unique(old[FRAME][wanted]):
        here, there = wanted & (old[FRAME] == frame), new[FRAME] == frame
        together.update(_neighbors(_rows(old, here), _rows(new, there)))
    n_old, n_new = Counter(old[CELL].tolist()), Counter(new[CELL].tolist())
    return {
        a: b for (a, b), n in together.items() if n > _LEAST_OVERLAP * (n_old[a] + n_new[b] - n)
    }


def _rows(table: Mapping[str, NDArray[Any]], chosen: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return {name: column[chosen] for name, column in table.items()}


def _neighbors(
    old: Mapping[str, NDArray[Any]], new: Mapping[str, NDArray[Any]]
) -> list[tuple[int, int]]:
    """Pair each old cell of a frame with the nearest new one within its radius."""
    if not len(new[CELL]):
        return []
    dx = old[POSITION_X][:, None] - new[POSITION_X]
    dy = old[POSITION_Y][:, None] - new[POSITION_Y]
    distance = np.nan_to_num(np.hypot(dx, dy), nan=np.inf)
    nearest = distance.argmin(axis=1)
    near = distance.min(axis=1) <= _radius(old)
    return list(zip(old[CELL][near].tolist(), new[CELL][nearest[near]].tolist(), strict=True))


def _radius(table: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    if AREA not in table:
        return np.full(len(table[CELL]), _RADIUS_WITHOUT_AREA)
    area = np.asarray(table[AREA], dtype=np.float64)
    return np.sqrt(np.where(area > 0, area, _RADIUS_WITHOUT_AREA**2 * np.pi) / np.pi)
