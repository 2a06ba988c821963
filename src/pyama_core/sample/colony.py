"""A colony of rod-shaped cells that grow, divide and push each other apart.

Rods are capsules in overdamped motion: each grows exponentially, divides after adding a noisy
length ("adder", Taheri-Araghi et al., Curr Biol 2015), and contacts are resolved by position-based
dynamics (Müller et al., J Vis Commun Image Represent 2007) on beads along each rod's axis.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pyama_core.sample.footprints import Footprint, box_around, claim_pixels, turned_coordinates
from pyama_core.sample.population import Lineage, lineage_of
from pyama_core.sample.rows import Floats, Ints, Rows

N_BEADS = 7
SUBSTEPS = 4
SWEEPS = 20
EXPANSION = 0.5
COHESION = 0.00015


@dataclass(frozen=True)
class ColonyParams:
    """What the colony's cells are like; lengths in pixels.

    Attributes
    ----------
    height, width : int
        Size of the field.
    divisions : int
        Expected number of divisions over all frames.
    rod_width : float
        Diameter of a rod.
    birth_length : float
        Mean length, tip to tip, of a newborn rod.
    rate_cv, length_cv : float
        Spread of growth rates and of division lengths over cells.
    bend : float
        Standard deviation, in radians, of a daughter's turn at division.
    drift : float
        Standard deviation, in pixels per frame, of the field's random walk.
    """

    height: int = 512
    width: int = 512
    divisions: int = 350
    rod_width: float = 10.0
    birth_length: float = 19.0
    rate_cv: float = 0.1
    length_cv: float = 0.12
    bend: float = 0.12
    drift: float = 1.0


@dataclass
class Rods(Rows):
    """State of all living rods: center (N, 2) y, x; the others (N,)."""

    key: Ints
    center: Floats
    angle: Floats
    length: Floats
    birth: Floats
    target: Floats
    rate: Floats
    grain: Floats

    def axis(self) -> Floats:
        """Return each rod's direction, (N, 2) y, x."""
        return np.stack([np.sin(self.angle), np.cos(self.angle)], axis=1)


def make_colony(
    n_frames: int = 50, seed: int = 0, params: ColonyParams | None = None
) -> tuple[NDArray[np.uint16], Lineage]:
    """Grow a colony from two touching rods.

    Parameters
    ----------
    n_frames : int
        Number of frames.
    seed : int
        Same seed, same colony.
    params : ColonyParams, optional
        Size of the field, number of divisions, shape and spread of the cells.

    Returns
    -------
    ids : (T, Y, X) uint16
        Tracked instances; 0 = background. Daughters get new ids.
    lineage : Lineage
        Mothers, first and last frames.
    """
    params = params or ColonyParams()
    colony = Colony(n_frames, params, np.random.default_rng(seed))
    shape = (params.height, params.width)
    ids = np.zeros((n_frames, *shape), np.uint16)
    for frame in ids:
        frame[:] = claim_pixels(colony.footprints(shape), shape)
        colony.advance()
    return ids, lineage_of(ids, np.array(colony.parents, np.int64))


class Colony:
    """The rods of one colony, in the middle of the field at first."""

    def __init__(self, n_frames: int, params: ColonyParams, rng: np.random.Generator) -> None:
        self._params, self._rng = params, rng
        self.parents = [0, 0, 0]
        self._rods = _founders(rng, params)
        middle = np.array([params.height, params.width]) / 2
        self._offset = middle - self._rods.center.mean(axis=0)
        doublings = np.log2((params.divisions + 2) / 2)
        self._growth = np.log(2) * doublings / max(n_frames - 1, 1) / SUBSTEPS

    def advance(self) -> None:
        """Go on by one frame."""
        self._offset = self._offset + self._rng.normal(0, self._params.drift, 2)
        for _ in range(SUBSTEPS):
            self._rods = _grown(self._rods, self._growth)
            self._rods = _divided(self._rods, self.parents, self._rng, self._params)
            _relax(self._rods, self._params.rod_width)

    def footprints(self, shape: tuple[int, int]) -> Iterator[Footprint]:
        """Yield the rods whose box touches the field."""
        rods, half = self._rods, self._params.rod_width / 2
        center, waist = rods.center + self._offset, _waist(rods)
        for i, key in enumerate(rods.key):
            box = box_around(center[i], rods.length[i] / 2 + 2, shape)
            if box[0].start >= box[0].stop or box[1].start >= box[1].stop:
                continue
            along, across = turned_coordinates(box, center[i], rods.angle[i])
            beyond = np.maximum(np.abs(along) - np.float32(rods.length[i] / 2 - half), 0)
            pinch = 1 - np.float32(waist[i]) * np.exp(-((along / (0.6 * half)) ** 2))
            depth = np.hypot(beyond, across) / (half * pinch)
            yield Footprint(int(key), box, depth, along, across, 0.0, rods.grain[i])


def _founders(rng: np.random.Generator, params: ColonyParams) -> Rods:
    """Two touching rods side by side, one a third of a cycle older."""
    length = params.birth_length * np.array([1.15, 1.6])
    center = np.array([[0.0, 0.0], [params.rod_width, 0.3 * params.rod_width]])
    angle, grain = rng.normal(0, 0.1, 2), rng.uniform(0, 1000, (2, 2))
    rods = Rods(np.array([1, 2]), center, angle, length, length, length, length, grain)
    return _fresh(rods, rng, params, np.full(2, params.birth_length))


def _fresh(rods: Rods, rng: np.random.Generator, params: ColonyParams, birth: Floats) -> Rods:
    """Draw each rod's growth rate and the length at which it will divide."""
    n = len(birth)
    rods.birth = birth
    rods.target = birth + params.birth_length * np.exp(rng.normal(0, params.length_cv, n))
    rods.rate = np.exp(rng.normal(0, params.rate_cv, n))
    return rods


def _grown(rods: Rods, growth: float) -> Rods:
    """Lengthen every rod and move the colony outwards as its area grows."""
    longer = rods.length * np.exp(growth * rods.rate)
    middle = rods.center.mean(axis=0)
    crowd = min(len(rods.key) / 60, 1.0)
    rods.center = middle + (rods.center - middle) * (longer.sum() / rods.length.sum()) ** (
        EXPANSION * crowd
    )
    rods.length = longer
    return rods


def _divided(
    rods: Rods, parents: list[int], rng: np.random.Generator, params: ColonyParams
) -> Rods:
    """Replace every rod that has reached its length by two daughters."""
    ready = rods.length >= rods.target
    mothers = rods.take(ready)
    share = 0.5 + rng.normal(0, 0.03, len(mothers.key))
    daughters = [_daughters(mothers, part, side) for part, side in ((share, -1), (1 - share, 1))]
    young = daughters[0].joined(daughters[1])
    young.angle = young.angle + rng.normal(0, params.bend, len(young.angle))
    young = _fresh(young, rng, params, young.length)
    young.key = len(parents) + np.arange(len(young.key))
    parents.extend(np.tile(mothers.key, 2).tolist())
    return rods.take(~ready).joined(young)


def _daughters(mothers: Rods, share: Floats, side: int) -> Rods:
    """Daughters at one end of their mothers, together exactly as long as they."""
    young = mothers.take(np.arange(len(mothers.key)))
    young.length = mothers.length * share
    young.center = (
        mothers.center + side * mothers.axis() * ((mothers.length - young.length) / 2)[:, None]
    )
    return young


def _beads(rods: Rods, rod_width: float) -> Floats:
    """Arms (N * N_BEADS, 2) from each rod's center to the beads along its axis."""
    reach = np.linspace(-0.5, 0.5, N_BEADS) * (rods.length - rod_width)[:, None]
    return (reach[:, :, None] * rods.axis()[:, None, :]).reshape(-1, 2)


def _relax(rods: Rods, rod_width: float) -> None:
    """Push overlapping rods apart and draw almost touching ones together."""
    owner = np.repeat(np.arange(len(rods.key)), N_BEADS)
    spots = rods.center[owner] + _beads(rods, rod_width)
    pairs = cKDTree(spots).query_pairs(1.4 * rod_width, output_type="ndarray")
    pairs = pairs[owner[pairs[:, 0]] != owner[pairs[:, 1]]]
    for _ in range(SWEEPS if len(pairs) else 0):
        _sweep(rods, owner, pairs, rod_width)


def _sweep(rods: Rods, owner: Ints, pairs: Ints, rod_width: float) -> None:
    """Move and turn each rod by the mean of what its contacts ask for."""
    rods.center += COHESION * (rods.center.mean(axis=0) - rods.center)
    arms = _beads(rods, rod_width)
    spots = rods.center[owner] + arms
    a, b = pairs[:, 0], pairs[:, 1]
    apart = spots[b] - spots[a]
    distance = np.maximum(np.hypot(apart[:, 0], apart[:, 1]), 1e-6)
    overlap = rod_width - distance
    wish = np.where(overlap > 0, 0.5, np.where(overlap > -0.3 * rod_width, 0.06, 0.0)) * overlap
    push = apart / distance[:, None] * wish[:, None]
    bead = np.concatenate([a, b])
    push = np.concatenate([-push, push])
    active = np.concatenate([wish, wish]) != 0
    bead, push = bead[active], push[active]
    rod, n = owner[bead], len(rods.key)
    count = np.maximum(np.bincount(rod, minlength=n), 1)
    for axis in range(2):
        rods.center[:, axis] += 1.3 * np.bincount(rod, push[:, axis], n) / count
    arm = arms[bead]
    torque = np.bincount(rod, arm[:, 1] * push[:, 0] - arm[:, 0] * push[:, 1], n)
    inertia = np.bincount(rod, (arm**2).sum(axis=1), n) + rod_width**2
    rods.angle = rods.angle + 1.3 * torque / inertia


def _waist(rods: Rods) -> Floats:
    """How far each rod is constricted at its middle, rising before division."""
    done = (rods.length - rods.birth) / (rods.target - rods.birth)
    return 0.45 * np.clip((done - 0.75) / 0.25, 0, 1)
