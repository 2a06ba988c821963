"""How the frames of an ND2 file are looped over and stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from pyama_core.errors import InputError


@dataclass(frozen=True, slots=True)
class Position:
    """A point of the stage; one marked invalid is listed in the file and has no frames."""

    name: str = ""
    x_um: float = 0.0
    y_um: float = 0.0
    z_um: float = 0.0
    valid: bool = True


@dataclass(frozen=True, slots=True)
class TimePhase:
    """One phase of a time loop: so many frames, so far apart; 0 where the file does not say."""

    n_frames: int
    period_ms: float = 0.0
    mean_period_ms: float = 0.0


@dataclass(frozen=True)
class Nd2Layout:
    """The loops of a file and how it stores a frame.

    Attributes
    ----------
    phases
        One phase is a plain time loop, several a non-equidistant one.
    positions
        Stage positions; without any, the file has no position loop and one FOV.
    n_z, z_step_um
        Planes and their distance; with one plane the file has no z loop.
    order
        The loops, outermost first. A loop left out has to have one member.
    compress
        Store each frame as a zlib stream, ND2's lossless compression.
    row_alignment
        Rows are padded to multiples of this many bytes.
    """

    phases: tuple[TimePhase, ...] = (TimePhase(1),)
    positions: tuple[Position, ...] = ()
    n_z: int = 1
    z_step_um: float = 1.0
    order: str = "TPZ"
    compress: bool = False
    row_alignment: int = 4

    def __post_init__(self) -> None:
        if len(set(self.order)) < len(self.order) or set(self.order) - set("TPZ"):
            raise InputError(f"order is {self.order!r}: it names each of T, P, Z at most once.")
        for loop, size in self.sizes.items():
            if size < 1:
                raise InputError(f"The {loop} loop has {size} members: it needs at least one.")
            if size > 1 and loop not in self.order:
                raise InputError(f"order is {self.order!r} but loop {loop} has {size} members.")

    @property
    def sizes(self) -> Mapping[str, int]:
        """Members of each loop that have frames, by T, P, Z."""
        n_valid = sum(position.valid for position in self.positions)
        n_frames = sum(phase.n_frames for phase in self.phases)
        return {"T": n_frames, "P": n_valid if self.positions else 1, "Z": self.n_z}

    def indices(self) -> Iterator[tuple[int, int, int]]:
        """(fov, frame, z) of each frame in the order of the file."""
        for index in product(*(range(self.sizes[loop]) for loop in self.order)):
            at = dict(zip(self.order, index, strict=True))
            yield at.get("P", 0), at.get("T", 0), at.get("Z", 0)


@dataclass(frozen=True, slots=True)
class FrameType:
    """What all frames of a file have in common."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def row_bytes(self, layout: Nd2Layout) -> int:
        """Length of a stored row with all its channels and its padding."""
        n_channels, _, width = self.shape
        used = width * n_channels * self.dtype.itemsize
        return used + -used % layout.row_alignment
