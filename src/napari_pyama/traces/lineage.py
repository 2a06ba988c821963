"""Where a cell comes from and what becomes of it, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.columns import CELL, FIRST_FRAME, PARENT

_NO_PARENT: Final = 0


@dataclass(frozen=True, slots=True)
class Relatives:
    """The nearest relatives of a cell."""

    parent: int | None = None
    daughters: tuple[int, ...] = ()
    divides_at: int | None = None
    """First frame of the daughters."""


def relatives_of(lineage: Mapping[str, NDArray[Any]], cell: int) -> Relatives:
    """Look a cell up in a lineage table; an empty table knows nobody."""
    if CELL not in lineage or PARENT not in lineage:
        return Relatives()
    parents = lineage[PARENT][lineage[CELL] == cell]
    is_daughter = lineage[PARENT] == cell
    daughters = tuple(int(daughter) for daughter in np.sort(lineage[CELL][is_daughter]))
    return Relatives(
        parent=int(parents[0]) if len(parents) and parents[0] != _NO_PARENT else None,
        daughters=daughters,
        divides_at=int(lineage[FIRST_FRAME][is_daughter].min()) if daughters else None,
    )


def in_words(cell: int, relatives: Relatives) -> str:
    """Say who a cell is, such as ``cell 12, daughter of 5, divides at frame 30 into 17, 18``."""
    parts = [f"cell {cell}"]
    if relatives.parent is not None:
        parts.append(f"daughter of {relatives.parent}")
    if relatives.daughters:
        names = ", ".join(map(str, relatives.daughters))
        parts.append(f"divides at frame {relatives.divides_at} into {names}")
    return ", ".join(parts)
