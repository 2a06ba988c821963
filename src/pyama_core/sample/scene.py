"""One field of view over time: the cells, their light, the images and who is in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pyama_core.sample.expression import Reporter, drawn, extended
from pyama_core.sample.footprints import Footprint, Image, claim_pixels
from pyama_core.sample.optics import (
    FluorescenceOptics,
    PhaseOptics,
    blurred,
    fluorescence_image,
    make_debris,
    make_shade,
    make_texture,
    paint_light,
    paint_phase,
    phase_image,
    texture_of,
)
from pyama_core.sample.rows import Floats, Ints
from pyama_core.sample.truth import CellTruth


class World(Protocol):
    """Cells that live: `parents` holds the mother's key of each key so far, 0 = none."""

    parents: list[int]

    def advance(self) -> None:
        """Go on by one frame."""
        ...

    def footprints(self, shape: tuple[int, int]) -> Iterator[Footprint]:
        """Yield the cells in view."""
        ...


@dataclass(frozen=True)
class Microscope:
    """All channels: one phase contrast, then the fluorescence ones with their reporters."""

    phase: PhaseOptics
    fluorescence: tuple[FluorescenceOptics, ...]
    reporters: tuple[Reporter, ...]


@dataclass(frozen=True)
class Snapshot:
    """One rendered frame.

    Attributes
    ----------
    images : (1 + C, Y, X) uint16
        Phase contrast, then fluorescence.
    ids : (Y, X) uint16
        Tracked instances.
    cells : CellTruth
        Area, signal and level of each id.
    """

    images: NDArray[np.uint16]
    ids: NDArray[np.uint16]
    cells: CellTruth


class Registry:
    """Gives the cells their ids: a cell that was out of view comes back as a new one."""

    def __init__(self) -> None:
        self.parents = [0]
        self._id_of: dict[int, int] = {}

    def ids_of(self, seen: Sequence[int], mothers: Sequence[int]) -> list[int]:
        """Return the ids of the keys in this frame; a mother is one seen in the frame before."""
        before, self._id_of = self._id_of, {}
        for key in seen:
            if key not in before:
                self.parents.append(before.get(mothers[key], 0))
            self._id_of[key] = before.get(key, len(self.parents) - 1)
        return [self._id_of[key] for key in seen]


class Scene:
    """Renders one FOV frame by frame; crumbs under `smallest` pixels are no cells."""

    def __init__(
        self,
        world: World,
        shape: tuple[int, int],
        microscope: Microscope,
        rng: np.random.Generator,
        smallest: int = 120,
    ) -> None:
        self._world, self._shape, self._scope, self._rng = world, shape, microscope, rng
        self._smallest = smallest
        self._registry = Registry()
        self._curves = drawn(1, microscope.reporters, rng)
        self._texture = make_texture(rng)
        self._shade = make_shade(shape, microscope.phase, rng)
        self._debris = make_debris(shape, microscope.phase, rng)
        self._illumination = [optics.illumination(shape) for optics in microscope.fluorescence]

    @property
    def parents(self) -> list[int]:
        """Mother of each id so far; 0 = none."""
        return self._registry.parents

    def snapshot(self, minutes: float) -> Snapshot:
        """Render the frame taken at a time, then let the cells go on by one frame."""
        footprints = list(self._world.footprints(self._shape))
        owner = claim_pixels(footprints, self._shape)
        shown, id_of_key = self._identify(owner)
        levels = self._levels(minutes)
        phase, lights = self._painted(footprints, owner, shown, levels)
        ids = id_of_key[owner]
        by_id = np.zeros((len(self.parents), levels.shape[1]))
        by_id[id_of_key[shown]] = levels[shown]
        cells = CellTruth(self._areas(ids), self._signals(ids, lights), by_id)
        images = np.stack([phase, *self._fluorescence(lights, minutes)])
        self._world.advance()
        return Snapshot(images, ids, cells)

    def _identify(self, owner: Ints) -> tuple[Ints, NDArray[np.uint16]]:
        """Return the keys in view, and the id of each key (0 for the others)."""
        sizes = np.bincount(owner.ravel(), minlength=len(self._world.parents))
        sizes[0] = 0
        shown = np.flatnonzero(sizes >= self._smallest)
        id_of_key = np.zeros(len(sizes), np.uint16)
        id_of_key[shown] = self._registry.ids_of(shown.tolist(), self._world.parents)
        return shown, id_of_key

    def _levels(self, minutes: float) -> Floats:
        """Light per pixel of each key and channel, counts."""
        parents = np.array(self._world.parents, np.int64)
        self._curves = extended(self._curves, parents, self._scope.reporters, self._rng)
        return self._curves.levels(minutes)

    def _painted(
        self, footprints: Sequence[Footprint], owner: Ints, shown: Ints, levels: Floats
    ) -> tuple[NDArray[np.uint16], list[Image]]:
        """Form the phase image and the light of each channel before blur."""
        phase, grains = (np.zeros(self._shape, np.float32) for _ in range(2))
        lights = [np.zeros(self._shape, np.float32) for _ in self._scope.fluorescence]
        visible = set(shown.tolist())
        for cell in footprints:
            if cell.key not in visible:
                continue
            inside = owner[cell.box] == cell.key
            grain = texture_of(cell, self._texture)
            paint_phase(phase, grains, cell, inside, self._scope.phase, grain)
            for light, optics, level in zip(
                lights, self._scope.fluorescence, levels[cell.key], strict=True
            ):
                paint_light(light, cell, inside, level, optics.nuclear, grain)
        static = (self._debris, self._shade)
        return phase_image(phase, grains, *static, self._scope.phase, self._rng), lights

    def _fluorescence(
        self, lights: Sequence[Image], minutes: float
    ) -> Iterator[NDArray[np.uint16]]:
        scope = self._scope.fluorescence
        for light, lamp, optics in zip(lights, self._illumination, scope, strict=True):
            medium = optics.medium_at(minutes)
            yield fluorescence_image(blurred(light, optics), medium, lamp, optics, self._rng)

    def _areas(self, ids: NDArray[np.uint16]) -> Ints:
        """Count the pixels of each id."""
        areas = np.bincount(ids.ravel(), minlength=len(self.parents))
        areas[0] = 0
        return areas

    def _signals(self, ids: NDArray[np.uint16], lights: Sequence[Image]) -> Floats:
        """Sum the light of each id, which blur moves but keeps, times the mean illumination."""
        signals = np.zeros((len(self.parents), len(lights)))
        within = np.flatnonzero(ids)
        owners = ids.ravel()[within]
        for channel, (light, lamp) in enumerate(zip(lights, self._illumination, strict=True)):
            total = np.bincount(owners, light.ravel()[within], len(self.parents))
            signals[:, channel] = total * lamp.mean(dtype=np.float64)
        return signals
