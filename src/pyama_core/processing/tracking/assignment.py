"""Choose, among competing explanations of a frame pair, those that together cost least.

Each explanation of where cells went (a link, a division) saves something against leaving its cells
unexplained, and no cell may be explained twice: the assignment problem of Kuhn (1955) and Munkres
(1957), widened to explanations of three cells, which makes it weighted set packing. Most of it is
settled by dominance: an explanation that saves at least as much as the best rivals for all of its
cells together is part of a best choice, and with it and its rivals gone others become so. What no
such argument settles falls apart into blocks, connected by the cells that explanations share. Each
is a problem of its own: small ones are solved by trying all ways, others by branch and bound. All
is exact.
"""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.tracking.regions import Floats

Ints = NDArray[np.int64]

_NONE = -1
_FEW = 12


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
    chosen, left = _settled(members, saving)
    few = 0 < len(left) <= _FEW
    problems = [left] if few else [left[block] for block in blocks(members[left])]
    for rivals in problems:
        solve = _try_out if len(rivals) <= _FEW else _solve
        chosen[rivals] = solve(members[rivals], saving[rivals])
    return chosen


def _settled(members: Ints, saving: Floats) -> tuple[NDArray[np.bool_], Ints]:
    """Choose what dominance settles; return that and which explanations it leaves open."""
    chosen = np.zeros(len(saving), np.bool_)
    left = np.flatnonzero(saving > 0)
    while len(left) > _FEW:
        sure = _dominant(members[left], saving[left])
        if not sure.any():
            break
        chosen[left[sure]] = True
        left = left[~_meeting(members[left], members[left[sure]])]
    return chosen, left


def blocks(members: Ints) -> list[Ints]:
    """Split explanations into blocks without common cells, each as small as can be.

    Parameters
    ----------
    members : (N, K) int64
        The cells each explanation explains; -1 = none.

    Returns
    -------
    list of (M,) int64
        Which explanations are in each block.
    """
    if len(members) == 0:
        return []
    owner, column = np.nonzero(members != _NONE)
    cell = members[owner, column]
    block = np.arange(len(members))
    while True:
        least = np.full(cell.max() + 1, len(members))
        np.minimum.at(least, cell, block[owner])
        joined = block.copy()
        np.minimum.at(joined, owner, least[cell])
        joined = joined[joined]
        if np.array_equal(joined, block):
            break
        block = joined
    order = np.argsort(block, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(block[order])) + 1)


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
    sure: NDArray[np.bool_] = saving >= second[members + 1].sum(axis=1)
    return np.asarray(sure & foremost.all(axis=1))


def _meeting(members: Ints, others: Ints) -> NDArray[np.bool_]:
    """Tell which explanations have a cell in common with any of the others."""
    taken = np.zeros(max(members.max(), others.max()) + 2, np.bool_)
    taken[others] = True
    taken[_NONE] = False
    return np.asarray(taken[members].any(axis=1))


def _try_out(members: Ints, saving: Floats) -> NDArray[np.bool_]:
    """Solve the packing problem by trying each explanation with and without."""
    cells = [frozenset(row) - {_NONE} for row in members.tolist()]
    chosen = np.zeros(len(saving), np.bool_)
    chosen[_best_of(list(enumerate(cells)), saving.tolist())[1]] = True
    return chosen


def _best_of(
    left: list[tuple[int, frozenset[int]]], saving: list[float]
) -> tuple[float, list[int]]:
    """Return the greatest saving by compatible explanations of those left, and which they are."""
    if not left:
        return 0.0, []
    (index, cells), rest = left[0], left[1:]
    compatible = [other for other in rest if not other[1] & cells]
    total, others = _best_of(compatible, saving)
    with_it = total + saving[index], [index, *others]
    if len(compatible) == len(rest):
        return with_it
    return max(with_it, _best_of(rest, saving), key=lambda found: found[0])


def _solve(members: Ints, saving: Floats) -> NDArray[np.bool_]:
    """Solve the packing problem by branch and bound on its linear relaxation."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csc_array

    n, width = members.shape
    # Up to SciPy 1.14 the solver takes no indices but C ints.
    row = members.ravel().astype(np.int32)
    real = row != _NONE
    column = np.repeat(np.arange(n, dtype=np.int32), width)
    uses = csc_array((np.ones(real.sum()), (row[real], column[real])), (int(row.max()) + 1, n))
    result = milp(
        -saving,
        integrality=np.ones(n, np.int64),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(uses, ub=1),
    )
    return np.asarray(np.asarray(result.x) > 0.5)
