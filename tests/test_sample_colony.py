"""The colony: two touching rods that become hundreds, with a lineage that fits the pixels."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from pyama_core.sample import ColonyParams, Lineage, make_colony

Colony = tuple[NDArray[np.uint16], Lineage]


@pytest.fixture(scope="module")
def colony() -> Colony:
    return make_colony()


def _count(ids: NDArray[np.uint16]) -> int:
    return len(np.unique(ids[ids > 0]))


def test_two_touching_rods_become_hundreds(colony: Colony) -> None:
    ids, lineage = colony
    assert ids.shape == (50, 512, 512)
    assert _count(ids[0]) == 2
    assert ndimage.label(ids[0] > 0)[1] == 1
    assert 300 <= _count(ids[-1]) <= 420
    assert 300 <= lineage.n_divisions <= 400


def test_same_seed_same_colony_other_seed_another() -> None:
    small = ColonyParams(128, 128, divisions=12)
    first, again, other = (make_colony(12, seed, small)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_lineage_states_when_each_id_is_seen(colony: Colony) -> None:
    ids, lineage = colony
    for cell, first, last in zip(
        lineage.cell[:80], lineage.first_frame[:80], lineage.last_frame[:80], strict=True
    ):
        seen = [t for t in range(len(ids)) if (ids[t] == cell).any()]
        assert seen == list(range(first, last + 1))


def test_a_mother_ends_where_her_two_daughters_begin(colony: Colony) -> None:
    _, lineage = colony
    born = lineage.parent > 0
    mothers, daughters = np.unique(lineage.parent[born], return_counts=True)
    assert (daughters == 2).all()
    last = dict(zip(lineage.cell.tolist(), lineage.last_frame.tolist(), strict=True))
    ends = np.array([last[mother] for mother in lineage.parent[born].tolist()])
    assert np.array_equal(lineage.first_frame[born], ends + 1)
    assert len(mothers) == lineage.n_divisions


def test_daughters_are_about_half_their_mother(colony: Colony) -> None:
    ids, lineage = colony
    shares = []
    for mother in np.unique(lineage.parent[lineage.parent > 0])[:60]:
        row = lineage.cell == mother
        before = (ids[int(lineage.last_frame[row][0])] == mother).sum()
        for daughter in lineage.cell[lineage.parent == mother]:
            first = int(lineage.first_frame[lineage.cell == daughter][0])
            shares.append((ids[first] == daughter).sum() / before)
    assert 0.45 < np.median(shares) < 0.6


def test_rods_fill_the_colony(colony: Colony) -> None:
    last = np.pad(colony[0][-1] > 0, 20)
    hull = ndimage.binary_closing(last, iterations=8)
    assert last.sum() / hull.sum() > 0.85


def test_the_rim_moves_by_half_a_rod_per_frame(colony: Colony) -> None:
    ids, _ = colony
    present = np.intersect1d(ids[-2], ids[-1])[1:]
    centers = [np.array(ndimage.center_of_mass(i > 0, i, present)) for i in ids[-2:]]
    step = np.linalg.norm(centers[1] - centers[0], axis=1)
    assert np.percentile(step, 90) > 5.0
