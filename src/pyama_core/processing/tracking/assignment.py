"""Choose, among competing explanations of a frame pair, those that together cost least.

Each explanation of where cells went (a link, a division) saves something against leaving its cells
unexplained, and no cell may be explained twice: the assignment problem of Kuhn (1955) and Munkres
(1957), widened to explanations of three cells, which makes it weighted set packing. Most of it is
settled by dominance: an explanation that saves at least as much as the best rivals for all of its
cells together is part of a best choice, and with it and its rivals gone the rest falls apart into
ever smaller blocks. What no such argument settles is solved by branch and bound. All is exact.
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
    chosen = np.zeros(len(saving), np.bool_)
    left = np.flatnonzero(saving > 0)
    while len(left):
        sure = _dominant(members[left], saving[left])
        if not sure.any():
            chosen[left] = _solve(members[left], saving[left])
            break
        chosen[left[sure]] = True
        left = left[~_meeting(members[left], members[left[sure]])]
    return chosen


def _dominant(members: Ints, saving: Floats) -> NDArray[np.bool_]:
    """Tell which explanations save at least what the best rivals for their cells save together."""
    n, width = members.shape
    cell, owner = members.ravel() + 1, np.repeat(np.arange(n), width)
    order = np.lexsort((-saving[owner], cell))
    cell, owner = cell[order], owner[order]
    first = np.flatnonzero(np.diff(cell, prepend=_NONE))
    best, second = np.full(cell[-1] + 1, _NONE), np.zeros(cell[-1] + 1)
    best[cell[first]] = owner[first]
    shared = np.flatnonzero(np.diff(first, append=len(cell)) > 1)
    second[cell[first[shared]]] = saving[owner[first[shared] + 1]]
    second[0] = 0.0
    foremost = (best[members + 1] == np.arange(n)[:, None]) | (members == _NONE)
    return foremost.all(axis=1) & (saving >= second[members + 1].sum(axis=1))


def _meeting(members: Ints, others: Ints) -> NDArray[np.bool_]:
    """Tell which explanations have a cell in common with any of the others."""
    taken = np.zeros(max(members.max(), others.max()) + 2, np.bool_)
    taken[others] = True
    taken[_NONE] = False
    meeting: NDArray[np.bool_] = taken[members].any(axis=1)
    return meeting


def _solve(members: Ints, saving: Floats) -> NDArray[np.bool_]:
    """Solve the packing problem by branch and bound on its linear relaxation."""
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
    return np.greater(np.asarray(result.x), 0.5)
