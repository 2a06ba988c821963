"""Choose, among competing explanations of a frame pair, those that together cost least.

Each explanation of where cells went (a link, a division) saves something against leaving its cells
unlinked, and no cell may be explained twice: the assignment problem of Kuhn (1955) and Munkres
(1957), widened to explanations of three cells, which makes it weighted set packing. It falls
apart into small blocks of explanations that share no cell, and is solved exactly for each.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_NONE = -1


def choose(members: Ints, saving: Floats) -> NDArray[np.bool_]:
    """Choose explanations without common members, of greatest total saving.

    Parameters
    ----------
    members : (N, K) int64
        The cells each explanation explains, numbered over both frames; -1 = none.
    saving : (N,) float64
        What choosing the explanation saves; only positive ones are ever chosen.

    Returns
    -------
    chosen : (N,) bool
    """
    useful = np.flatnonzero(saving > 0)
    chosen = np.zeros(len(saving), np.bool_)
    if len(useful) == 0:
        return chosen
    block = _blocks(members[useful])
    alone = np.bincount(block)[block] == 1
    chosen[useful[alone]] = True
    if not alone.all():
        contested = useful[~alone]
        chosen[contested] = _solve(members[contested], saving[contested])
    return chosen


def _blocks(members: Ints) -> Ints:
    """Return for each explanation its group: those tied together by common members."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, width = members.shape
    row = np.repeat(np.arange(n), width)
    column = members.ravel()
    real = column != _NONE
    size = n + int(members.max()) + 1
    graph = coo_array((np.ones(real.sum(), np.int8), (row[real], n + column[real])), (size, size))
    return connected_components(graph, directed=False)[1][:n].astype(np.int64)


def _solve(members: Ints, saving: Floats) -> NDArray[np.bool_]:
    """Solve the packing problem exactly, by branch and bound on its linear relaxation."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csc_array

    n, width = members.shape
    row = members.ravel()
    real = row != _NONE
    column = np.repeat(np.arange(n), width)
    uses = csc_array((np.ones(real.sum()), (row[real], column[real])), (int(row.max()) + 1, n))
    result = milp(
        -saving,
        integrality=np.ones(n, np.int64),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(uses, ub=1),
    )
    return np.asarray(result.x) > 0.5
