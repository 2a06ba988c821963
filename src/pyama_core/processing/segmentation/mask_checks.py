"""What a user should doubt in a segmentation: cells in one piece, or none at all."""

from typing import Final

import numpy as np

from pyama_core.messages import Message, warnings_of
from pyama_core.processing.raster.bitmask import find_runs, pack
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.types import SegmentedFrame

SHEET_SHARE: Final = 0.35
"""A piece that covers more of a frame than this is taken for many cells.

Confluent cells that log_std leaves in one piece cover 0.42 to 0.63 of a frame, the largest pieces
of cells that lie apart up to 0.29.
"""

_TO_FIND_CELLS: Final = {
    "log_std": "check that this is the phase-contrast channel, or make segmentation.sigmas "
    "(or threshold) smaller for faint cells, segmentation.opening_size for small ones",
    "trained": "draw more strokes on cells and train again, or make "
    "segmentation.trained_probability smaller",
    "cellpose": "check that this is the phase-contrast channel, or make "
    "segmentation.cellpose_probability smaller",
    "labels": "check that the label images in segmentation.labels_path are those of this movie",
}
_BY_STROKES: Final = "teach the method trained by strokes on background, cells and their borders"


class Doubts:
    """Looks at the frames of one FOV as they are segmented.

    Parameters
    ----------
    params
        What they are segmented with.
    """

    def __init__(self, params: SegmentationParams) -> None:
        self._params = params
        self._n_frames = 0
        self._shares: list[float] = []

    def look_at(self, frame: SegmentedFrame) -> None:
        """Take in one frame; this costs next to nothing where cells cover little of it."""
        self._n_frames += 1
        covered = np.count_nonzero(frame.mask) / frame.mask.size
        if covered:
            self._shares.append(_largest(frame) if covered > SHEET_SHARE else covered)

    def messages(self) -> list[Message]:
        """Return what to doubt and what to do, a sentence each."""
        share = float(np.median(self._shares)) if self._shares else 0.0
        if share > SHEET_SHARE:
            return warnings_of([_sheet_note(share, self._params)])
        return [] if self._shares else warnings_of([self._empty_note()])

    def _empty_note(self) -> str:
        where = "this frame" if self._n_frames == 1 else "any frame"
        below = ", or segmentation.min_size" if self._params.min_size > 1 else ""
        advice = _TO_FIND_CELLS.get(self._params.method, "try another segmentation.method")
        return f"No cell is found in {where}: {advice}{below}."


def _largest(frame: SegmentedFrame) -> float:
    """Share of the frame that the largest instance, or connected region, covers."""
    if frame.instances is not None:
        sizes = np.bincount(frame.instances.ravel())[1:]
    else:
        runs = find_runs(pack(frame.mask), frame.mask.shape[1], np.uint64(0), reach=1)
        sizes = np.bincount(runs.region, runs.stop - runs.start)
    return float(sizes.max(initial=0) / frame.mask.size)


def _sheet_note(share: float, params: SegmentationParams) -> str:
    return (
        f"One piece covers {100 * share:.0f} % of the frame: if these are cells that touch, "
        f"{_to_tell_apart(params)}."
    )


def _to_tell_apart(params: SegmentationParams) -> str:
    if params.method == "trained":
        return "draw more strokes, some on borders between cells, and train again"
    if params.split == "intensity":
        return _BY_STROKES
    return f"set segmentation.split to intensity, or {_BY_STROKES}"
