"""Scores of the Cell Tracking Challenge from arrays, by py-ctcmetrics."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer[Any]]
SCORES = ("TRA", "LNK", "BC(1)")


def scores(
    truth: Iterable[Labels], known: Any, found: Iterable[Labels], lineage: Any
) -> dict[str, float]:
    """Compare tracked labels with true ones.

    Parameters
    ----------
    truth, found : iterable of (H, W) labels
        One per frame.
    known, lineage
        Their lineages: anything with `cell`, `first_frame`, `last_frame` and `parent`.

    Returns
    -------
    dict
        TRA and LNK (Matula et al., PLoS ONE 2015) and BC(1), the F1 of divisions found within
        one frame (Ulman et al., Nature Methods 2017); BC(1) is 1 where there is none to find.
    """
    from ctc_metrics.scripts.evaluate import calculate_metrics

    names = ("labels_ref", "labels_comp", "mapped_ref", "mapped_comp")
    frames = zip(truth, found, strict=True)
    columns = zip(*(_matched(a, b) for a, b in frames), strict=True)
    matches = dict(zip(names, (list(column) for column in columns), strict=True))
    wanted = ["TRA", "LNK", "BC"]
    result = calculate_metrics(_table(lineage), _table(known), matches, {}, wanted, True)
    return {name: 1.0 if result[name] is None else float(result[name]) for name in SCORES}


def _table(lineage: Any) -> NDArray[np.int64]:
    columns = (lineage.cell, lineage.first_frame, lineage.last_frame, lineage.parent)
    return np.stack(columns, axis=1).astype(np.int64)


def _matched(truth: Labels, found: Labels) -> tuple[list[int], list[int], list[int], list[int]]:
    """Return the ids of either, and the pairs of which the found one covers over half the true."""
    truth, found = truth.astype(np.int64), found.astype(np.int64)
    base = int(found.max()) + 1
    pair, both = np.unique(truth * base + found, return_counts=True)
    true, other = np.divmod(pair, base)
    covers = (true > 0) & (other > 0) & (2 * both > np.bincount(truth.ravel())[true])
    ids = (np.unique(labels[labels > 0]).tolist() for labels in (truth, found))
    return (*ids, true[covers].tolist(), other[covers].tolist())
