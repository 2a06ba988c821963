"""Pixels that cells of two frames share, from their runs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.kernels import kernel
from pyama_core.processing.tracking.runs import Runs


class Overlaps(NamedTuple):
    """Pairs of cells that share pixels: `source` in the first frame, `target` in the second."""

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    pixels: NDArray[np.float64]

    def reversed(self) -> "Overlaps":
        """Return the pairs seen from the second frame, sorted by its cells."""
        order = np.argsort(self.target, kind="stable")
        return Overlaps(self.target[order], self.source[order], self.pixels[order])


def overlaps_of(first: Runs, second: Runs, shift: NDArray[np.float64]) -> Overlaps:
    """Count the pixels that each cell of `first`, moved by its shift, shares with each of `second`.

    Parameters
    ----------
    shift : (N, 2) float64
        By how many pixels y, x each cell of `first` is moved; rounded to whole pixels.
    """
    order = np.argsort(first.cell, kind="stable")
    rows = np.repeat(np.arange(len(first.row_start) - 1), np.diff(first.row_start))
    cell_start = np.searchsorted(first.cell[order], np.arange(first.n_cells + 1))
    source, target, pixels = count_shared(
        cell_start,
        rows[order],
        first.start[order],
        first.stop[order],
        np.rint(shift).astype(np.int64),
        second.row_start,
        second.start,
        second.stop,
        second.cell,
        second.n_cells,
    )
    return Overlaps(source, target, pixels)


@kernel
def count_shared(  # type: ignore[no-untyped-def]
    cell_start, row, start, stop, shift, row_start, start2, stop2, cell2, n_cells2
):
    """Count shared pixels cell by cell; the first frame's runs are sorted by cell."""
    shared = np.zeros(n_cells2, np.float64)
    met = np.empty(n_cells2, np.int64)
    triples = [(np.int64(0), np.int64(0), 0.0) for _ in range(0)]
    for cell in range(len(cell_start) - 1):
        n_met = 0
        for run in range(cell_start[cell], cell_start[cell + 1]):
            y = row[run] + shift[cell, 0]
            if y < 0 or y >= len(row_start) - 1:
                continue
            a, b = start[run] + shift[cell, 1], stop[run] + shift[cell, 1]
            other = row_start[y] + np.searchsorted(stop2[row_start[y] : row_start[y + 1]], a + 1)
            while other < row_start[y + 1] and start2[other] < b:
                if shared[cell2[other]] == 0:
                    met[n_met] = cell2[other]
                    n_met += 1
                shared[cell2[other]] += min(b, stop2[other]) - max(a, start2[other])
                other += 1
        for k in range(n_met):
            triples.append((np.int64(cell), met[k], shared[met[k]]))
            shared[met[k]] = 0
    return _columns(triples)


@kernel
def _columns(triples):  # type: ignore[no-untyped-def]
    """Turn a list of triples into three arrays."""
    source = np.empty(len(triples), np.int64)
    target = np.empty(len(triples), np.int64)
    pixels = np.empty(len(triples), np.float64)
    for k in range(len(triples)):
        source[k], target[k], pixels[k] = triples[k]
    return source, target, pixels
