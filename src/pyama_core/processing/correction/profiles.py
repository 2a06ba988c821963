"""The background of every frame in a few blocks of the field: enough to compare whole frames."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.middle import median_of_known
from pyama_core.processing.correction.patches import PatchSeries
from pyama_core.processing.correction.spline import Floats

_BLOCKS = 6
"""Blocks along an axis: few enough that each holds cell-free patches in nearly every frame."""
_MOST_SAMPLED = 64
"""Frames from which the usual background of the patches is learned."""


@dataclass(frozen=True)
class Profiles:
    """How far the blocks of each frame are above what they usually show."""

    above: Floats
    """``(T, blocks)`` counts; 0 where unknown."""
    weights: Floats
    """``(T, blocks)`` share of a block's patches that are seen; 0 where it is all cells."""
    usual: Floats
    """``(blocks,)`` usual background, counts."""
    centers: Floats
    """``(2, blocks)`` along y and x, from -1 to 1."""

    @classmethod
    def of(cls, patches: PatchSeries) -> Self:
        """Sum up patches; each counts from its own usual background.

        Otherwise a block would seem to change as cells cover its brighter or its darker part.
        """
        medians = np.where(patches.pixels > 0, patches.medians, np.float32(np.nan))
        usual = _usual_background(medians)
        blocks = _blocks(medians - usual)
        weights = np.stack([(~np.isnan(block)).mean(axis=1) for block in blocks], axis=1)
        values = np.stack([median_of_known(block) for block in blocks], axis=1)
        y, x = (np.linspace(-1, 1, min(_BLOCKS, n)) for n in usual.shape)
        return cls(
            np.where(weights > 0, values, 0).astype(np.float64),
            weights,
            np.array([block.mean(dtype=np.float64) for block in _blocks(usual[None])]),
            np.stack([axis.ravel() for axis in np.meshgrid(y, x, indexing="ij")]),
        )

    def at(self, frames: NDArray[Any]) -> "Profiles":
        """Return the profiles of some frames."""
        return Profiles(self.above[frames], self.weights[frames], self.usual, self.centers)

    @property
    def levels(self) -> Floats:
        """``(T,)`` background above the usual; NaN where all is cells."""
        known = np.where(self.weights > 0, self.above, np.nan)
        return np.asarray(median_of_known(known), dtype=np.float64)


def _usual_background(medians: NDArray[np.float32]) -> NDArray[np.float32]:
    """Find the usual background ``(py, px)`` of patches ``(T, py, px)``; 0 where never seen.

    A patch is compared with its own frame's level, so that it does not matter in which frames it
    is seen.
    """
    n_sampled = min(_MOST_SAMPLED, len(medians))
    some = medians[np.linspace(0, len(medians) - 1, n_sampled).astype(np.int64)]
    usual = np.zeros(medians.shape[1:], np.float32)
    for _ in range(2):
        levels = median_of_known((some - usual).reshape(len(some), -1))
        levels = np.nan_to_num(levels - np.nan_to_num(median_of_known(levels)))
        above = np.moveaxis(some - levels[:, None, None], 0, -1)
        usual = np.nan_to_num(median_of_known(above)).astype(np.float32)
    return usual


def _blocks(patches: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Cut ``(T, py, px)`` into blocks, each ``(T, patches)``, row by row."""
    rows = np.array_split(patches, min(_BLOCKS, patches.shape[1]), axis=1)
    return [
        block.reshape(len(patches), -1)
        for row in rows
        for block in np.array_split(row, min(_BLOCKS, row.shape[2]), axis=2)
    ]
