"""Spread, crawling cells: they move, grow, round up, divide, push each other, rarely die."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pyama_core.sample.footprints import Footprint, box_around, turned_coordinates
from pyama_core.sample.rows import Floats, Ints, Rows

_N_ANGLES = 256
_HARMONICS = np.arange(2, 7)
_ALIVE = -1


@dataclass(frozen=True)
class CellParams:
    """What the cells are like; lengths in pixels, times in frames.

    Attributes
    ----------
    birth_area : float
        Mean area of a newborn cell, px; it doubles until division.
    area_cv, cycle_cv : float
        Spread over cells of the area at birth and of the time between divisions.
    cycle : float
        Mean time between divisions.
    speed, persistence : float
        RMS step per frame and the share of its velocity that a cell keeps per frame.
    elongation, irregularity : float
        Size of the outline's second harmonic, and of the higher ones.
    rounding : int
        Frames a cell takes to round up before division and to spread after it.
    shrinking : float
        Share of its area that a spread cell loses when it rounds up.
    death_rate : float
        Chance per frame that a cell dies: it shrinks, rounds and detaches.
    margin : float
        Cells live up to this far outside the field, and enter from there.
    """

    birth_area: float = 1000.0
    area_cv: float = 0.12
    cycle: float = 55.0
    cycle_cv: float = 0.12
    speed: float = 1.8
    persistence: float = 0.75
    elongation: float = 0.3
    irregularity: float = 0.11
    rounding: int = 3
    shrinking: float = 0.25
    death_rate: float = 0.0005
    margin: float = 45.0


@dataclass
class Cells(Rows):
    """One row per living cell; `dying` counts the frames left, -1 = not dying."""

    key: Ints
    center: Floats
    velocity: Floats
    birth_area: Floats
    age: Floats
    cycle: Floats
    angle: Floats
    harmonics: Floats
    grain: Floats
    dying: Floats


class Population:
    """The spread cells of one field of view, in and around it.

    Motion is a persistent random walk (an Ornstein-Uhlenbeck velocity; Selmeczi et al., Biophys J
    2005); outlines are random harmonics in the logarithm of the radius, slowly changing.
    """

    def __init__(
        self, n_cells: int, shape: tuple[int, int], params: CellParams, rng: np.random.Generator
    ) -> None:
        self._params, self._rng = params, rng
        self._size = np.array(shape, float)
        self.parents = [0]
        inside = np.prod(self._size)
        n_all = round(n_cells * float(np.prod(self._size + 2 * params.margin) / inside))
        self._cells = self._founders(n_all)
        for _ in range(30):
            self._push()

    def advance(self) -> None:
        """Go on by one frame."""
        cells = self._cells
        cells.age += 1
        cells.dying -= cells.dying > 0
        self._cells = cells.take(cells.dying != 0)
        self._divide()
        self._die()
        self._move()
        self._reshape()
        self._push()

    def footprints(self, shape: tuple[int, int]) -> Iterator[Footprint]:
        """Yield the cells whose box touches the field."""
        cells, radii = self._cells, self._radii()
        roundness = self._roundness()
        for i, key in enumerate(cells.key):
            box = box_around(cells.center[i], radii[i].max(), shape)
            if box[0].start >= box[0].stop or box[1].start >= box[1].stop:
                continue
            along, across = turned_coordinates(box, cells.center[i], cells.angle[i])
            turn = np.arctan2(across, along) * np.float32(_N_ANGLES / (2 * np.pi))
            radius = radii[i].astype(np.float32)[np.rint(turn).astype(np.intp) % _N_ANGLES]
            depth = np.hypot(along, across) / radius
            yield Footprint(
                int(key), box, depth, along, across, float(roundness[i]), cells.grain[i]
            )

    def _founders(self, n: int) -> Cells:
        rng, params = self._rng, self._params
        center = _spaced_points(n, self._size, params.margin, rng)
        cells = self._drawn(np.zeros(n, np.int64), center, self._birth_areas(n))
        cells.age = np.floor(rng.uniform(0, 0.95, n) * cells.cycle)
        return cells

    def _birth_areas(self, n: int) -> Floats:
        return self._params.birth_area * np.exp(self._rng.normal(0, self._params.area_cv, n))

    def _drawn(self, parent: Ints, center: Floats, birth_area: Floats) -> Cells:
        """Make cells with fresh keys and random properties."""
        rng, params, n = self._rng, self._params, len(parent)
        key = len(self.parents) + np.arange(n)
        self.parents.extend(parent.tolist())
        return Cells(
            key=key,
            center=center,
            velocity=rng.normal(0, params.speed / np.sqrt(2), (n, 2)),
            birth_area=birth_area,
            age=np.zeros(n),
            cycle=np.rint(params.cycle * np.exp(rng.normal(0, params.cycle_cv, n))),
            angle=rng.uniform(0, 2 * np.pi, n),
            harmonics=rng.normal(0, 1, (n, len(_HARMONICS), 2)),
            grain=rng.uniform(0, 1000, (n, 2)),
            dying=np.full(n, float(_ALIVE)),
        )

    def _areas(self) -> Floats:
        """Area on the substrate: doubles over the cycle, shrinks while rounded."""
        spread = self._cells.birth_area * 2 ** (self._cells.age / self._cells.cycle)
        return np.asarray(spread * (1 - self._params.shrinking * self._roundness()))

    def _roundness(self) -> Floats:
        """0 spread to 1 round, by the frames to the next and since the last division."""
        cells, span = self._cells, self._params.rounding
        to_division = cells.cycle - 1 - cells.age
        to_death = np.where(cells.dying == _ALIVE, np.inf, cells.dying - 1)
        born_here = np.array(self.parents)[cells.key] > 0
        since_birth = np.where(born_here, cells.age, np.inf)
        nearest = np.minimum(np.minimum(to_division, to_death), since_birth)
        return np.asarray(np.clip(1 - nearest / span, 0, 1))

    def _radii(self) -> Floats:
        """Radius of each outline at `_N_ANGLES` angles from the cell's axis, (N, angles)."""
        params, turn = self._params, np.arange(_N_ANGLES) * 2 * np.pi / _N_ANGLES
        waves = np.stack([np.cos(np.outer(_HARMONICS, turn)), np.sin(np.outer(_HARMONICS, turn))])
        size = params.irregularity * (1 - self._roundness())[:, None, None]
        size = size / (_HARMONICS - 1)[:, None]
        log_radius = np.einsum("nkc,cka->na", self._cells.harmonics * size, waves)
        stretch = params.elongation * (1 - 0.9 * self._roundness())[:, None]
        radius = np.exp(log_radius + stretch * (np.cos(2 * turn) + 0.3 * np.cos(4 * turn)))
        mean_square = (radius**2).mean(axis=1, keepdims=True)
        return np.asarray(radius * np.sqrt(self._areas()[:, None] / np.pi / mean_square))

    def _divide(self) -> None:
        """Replace cells at the end of their cycle by two daughters with their area."""
        cells, rng = self._cells, self._rng
        ready = (cells.age >= cells.cycle) & (cells.dying == _ALIVE)
        mothers = cells.take(ready)
        self._cells = cells.take(~ready)
        share = 0.5 + rng.normal(0, 0.03, len(mothers.key))
        axis = np.stack([np.sin(mothers.angle), np.cos(mothers.angle)], axis=1)
        for part, side in ((share, -1.0), (1 - share, 1.0)):
            area = 2 * mothers.birth_area * part
            radius = np.sqrt(area * (1 - self._params.shrinking) / np.pi)
            center = mothers.center + side * 0.9 * radius[:, None] * axis
            daughters = self._drawn(mothers.key, center, area)
            self._cells = self._cells.joined(daughters)

    def _die(self) -> None:
        cells = self._cells
        doomed = self._rng.random(len(cells.key)) < self._params.death_rate
        cells.dying[doomed & (cells.dying == _ALIVE)] = self._params.rounding + 1

    def _move(self) -> None:
        cells, params, rng = self._cells, self._params, self._rng
        keep = params.persistence
        kick = rng.normal(0, params.speed / np.sqrt(2), cells.center.shape)
        cells.velocity = keep * cells.velocity + np.sqrt(1 - keep**2) * kick
        cells.center = cells.center + cells.velocity * (1 - 0.8 * self._roundness())[:, None]
        low, high = -params.margin, self._size + params.margin
        outside = (cells.center < low) | (cells.center > high)
        cells.velocity[outside] *= -1
        cells.center = np.clip(cells.center, low, high)

    def _reshape(self) -> None:
        """Turn the cells a little towards where they go, and let outlines and texture drift."""
        cells, rng, keep = self._cells, self._rng, 0.97
        kick = rng.normal(0, 1, cells.harmonics.shape)
        cells.harmonics = keep * cells.harmonics + np.sqrt(1 - keep**2) * kick
        heading = np.arctan2(cells.velocity[:, 0], cells.velocity[:, 1])
        pull = np.sin(2 * (heading - cells.angle)) * 0.05
        cells.angle = cells.angle + pull + rng.normal(0, 0.03, len(cells.key))
        cells.grain = cells.grain + rng.normal(0, 0.3, cells.grain.shape)

    def _push(self, sweeps: int = 4) -> None:
        """Move overlapping cells apart; they may still touch and press on each other."""
        center, radius = self._cells.center, 1.12 * np.sqrt(self._areas() / np.pi)
        if len(radius) < 2:
            return
        pairs = cKDTree(center).query_pairs(2 * radius.max(), output_type="ndarray")
        a, b = pairs[:, 0], pairs[:, 1]
        for _ in range(sweeps):
            apart = center[b] - center[a]
            distance = np.maximum(np.hypot(apart[:, 0], apart[:, 1]), 1e-6)
            overlap = np.maximum(radius[a] + radius[b] - distance, 0)
            shift = apart * (0.35 * overlap / distance)[:, None]
            np.subtract.at(center, a, shift)
            np.add.at(center, b, shift)


def _spaced_points(n: int, size: Floats, margin: float, rng: np.random.Generator) -> Floats:
    """Draw points one after another, each the farthest of a few from those before it."""
    points = np.zeros((n, 2))
    for i in range(n):
        tries = rng.uniform(-margin, size + margin, (4, 2))
        gaps = [np.inf if i == 0 else ((points[:i] - p) ** 2).sum(axis=1).min() for p in tries]
        points[i] = tries[int(np.argmax(gaps))]
    return points


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
