"""The assignment is exact: no choice of compatible explanations saves more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyama_core.processing.tracking import assignment
from pyama_core.processing.tracking.assignment import blocks, choose
from tests.reference.tracking import best_saving

EXPLANATIONS = st.lists(
    st.tuples(
        st.sets(st.integers(0, 6), min_size=1, max_size=3),
        st.one_of(st.floats(-1, 3), st.integers(-1, 3)),
    ),
    max_size=12,
)


def padded(explanations):
    members = np.full((len(explanations), 4), -1)
    for row, (cells, _) in zip(members, explanations, strict=True):
        row[: len(cells)] = list(cells)
    return members, np.array([saving for _, saving in explanations], float)


@pytest.mark.parametrize("few", [0, 12], ids=["branch and bound", "trying out"])
@settings(max_examples=150, deadline=None)
@given(explanations=EXPLANATIONS)
def test_no_compatible_choice_saves_more(few, explanations):
    members, saving = padded(explanations)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "_FEW", few)
        chosen = choose(members, saving)
    cells = members[chosen]
    cells = cells[cells >= 0]
    assert len(cells) == len(set(cells.tolist()))
    assert saving[chosen].sum() == pytest.approx(best_saving(explanations))


def test_what_dominance_settles_needs_no_solver(monkeypatch):
    monkeypatch.setattr(assignment, "_FEW", 0)
    monkeypatch.setattr(assignment, "_solve", None)
    monkeypatch.setattr(assignment, "_try_out", None)
    members = np.array([[0, 5], [1, 6], [0, 6], [2, 7]])
    assert choose(members, np.array([1.5, 1.4, 1.0, 0.2])).tolist() == [True, True, False, True]


@pytest.mark.parametrize("few", [0, 12], ids=["branch and bound", "trying out"])
def test_a_circle_of_rivals_is_solved(monkeypatch, few):
    monkeypatch.setattr(assignment, "_FEW", few)
    members = np.array([[0, 3], [0, 4], [1, 4], [1, 5], [2, 5], [2, 3]])
    saving = np.array([1.0, 1.1, 1.0, 1.1, 1.0, 1.1])
    assert choose(members, saving).tolist() == [False, True] * 3


@settings(max_examples=100, deadline=None)
@given(explanations=EXPLANATIONS.filter(bool))
def test_blocks_are_connected_by_cells_and_have_none_in_common(explanations):
    members, _ = padded(explanations)
    found = [set(block.tolist()) for block in blocks(members)]
    expected: list[set[int]] = []
    for index, (cells, _) in enumerate(explanations):
        met = [block for block in expected if any(explanations[k][0] & cells for k in block)]
        expected = [b for b in expected if b not in met] + [{index}.union(*met)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


def test_each_block_is_solved_by_itself(monkeypatch):
    circle = np.array([[0, 3], [0, 4], [1, 4], [1, 5], [2, 5], [2, 3]])
    saving = np.array([1.0, 1.1, 1.0, 1.1, 1.0, 1.1])
    monkeypatch.setattr(assignment, "_solve", None)
    members = np.concatenate([circle + 6 * k for k in range(40)])
    assert choose(members, np.tile(saving, 40)).tolist() == [False, True] * 120
