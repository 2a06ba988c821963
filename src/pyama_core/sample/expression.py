"""How much of each fluorescent protein a cell holds over time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyama_core.sample.rows import Floats, Ints, Rows


@dataclass(frozen=True)
class Reporter:
    """A fluorescent protein; times in minutes, levels in counts per pixel of a cell.

    Attributes
    ----------
    peak, peak_spread : float
        Median over cells of the greatest level, and the spread of its logarithm.
    rise, decay : float
        Time constants of the mRNA's and the protein's loss, which set rise and decay.
    onset : (float, float)
        When expression begins, uniformly between these times.
    """

    peak: float
    rise: float
    decay: float
    onset: tuple[float, float]
    peak_spread: float = 0.35


@dataclass
class Curves(Rows):
    """Expression curves, one row per cell and one column per channel.

    The level after a burst of mRNA, translated while both are lost at constant rates
    (Leonhardt et al., Nanomedicine 2014), scaled to its peak.
    """

    peak: Floats
    rise: Floats
    decay: Floats
    onset: Floats

    def levels(self, minutes: float) -> Floats:
        """Return the counts per pixel of each cell and channel, (N, C)."""
        since = np.maximum(minutes - self.onset, 0.0)
        at_peak = np.log(self.decay / self.rise) / (1 / self.rise - 1 / self.decay)
        return np.asarray(self.peak * self._burst(since) / self._burst(at_peak))

    def _burst(self, since: Floats) -> Floats:
        return np.asarray(np.exp(-since / self.decay) - np.exp(-since / self.rise))


def extended(
    curves: Curves, parents: Ints, reporters: Sequence[Reporter], rng: np.random.Generator
) -> Curves:
    """Add a curve for each new cell: its mother's, nearly, or a fresh one without mother.

    Parameters
    ----------
    curves : Curves
        Row k is that of cell k; row 0, the background, means nothing.
    parents : (N,) int64
        Mother of every cell up to now; rows that `curves` has are not looked at.
    """
    new = parents[len(curves.peak) :]
    fresh = drawn(len(new), reporters, rng)
    inherited = curves.take(new)
    inherited.peak *= np.exp(rng.normal(0, 0.05, inherited.peak.shape))
    for name in ("peak", "rise", "decay", "onset"):
        getattr(fresh, name)[new > 0] = getattr(inherited, name)[new > 0]
    return curves.joined(fresh)


def drawn(n: int, reporters: Sequence[Reporter], rng: np.random.Generator) -> Curves:
    """Draw the curves of `n` unrelated cells."""
    shape = (n, len(reporters))
    peak, rise, decay, spread = (
        np.array([getattr(r, name) for r in reporters])
        for name in ("peak", "rise", "decay", "peak_spread")
    )
    low, high = np.array([r.onset for r in reporters]).reshape(-1, 2).T
    return Curves(
        peak=peak * np.exp(rng.normal(0, 1, shape) * spread),
        rise=rise * np.exp(rng.normal(0, 0.2, shape)),
        decay=decay * np.exp(rng.normal(0, 0.2, shape)),
        onset=rng.uniform(low, high, shape),
    )
